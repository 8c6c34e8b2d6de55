"""Where a push goes, who may send it there, and who will be able to see it: from metadata alone."""

from __future__ import annotations

import pytest

from modelrepair import push
from modelrepair.artifact.records import Origin
from modelrepair.errors import HubError, UsageError
from modelrepair.publishing.destination import find_destination
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.visibility import Upstream
from modelrepair.source.address import id_for
from tests.support.hub.repaired import on_the_hub
from tests.support.hub.state import Account


def test_the_target_and_its_branch_can_be_named(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    assert push(made.out, to="mine", private=True).private
    assert hub.repos["me/mine"].private
    report = push(made.out, to="team/theirs", to_revision="v2")
    repo = hub.repos["team/theirs"]
    assert report.revision == "v2"
    assert "model.safetensors" in repo.files("v2")
    assert "model.safetensors" not in repo.files("main")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pr": True, "in_place": True}, "--pr and --in-place exclude each other"),
        ({"pr": True, "to": "me/x"}, "--pr and --to exclude"),
        ({"pr": True, "to_revision": "x"}, "--pr and --to-revision exclude"),
        ({"pr": True, "private": True}, "--pr and --private exclude"),
        ({"in_place": True, "to": "me/x"}, "--in-place and --to exclude"),
        ({"in_place": True, "private": True}, "--in-place and --private exclude"),
        ({"to": "a/b/c"}, "'a/b/c' is no id"),
        ({"to_revision": "refs/pr/3"}, "is no branch"),
        ({"to_revision": "a b"}, "is no branch"),
        ({"to_revision": "a..b"}, "is no branch"),
        ({"to_revision": "-x"}, "is no branch"),
        ({"to": "user/model"}, "user/model is the source itself"),
        ({"to": "me/other"}, "me/other holds model.safetensors, which no repair of user/model"),
    ],
)
def test_targets_that_make_no_sense(hub, tmp_path, options, said):
    made = on_the_hub(hub, tmp_path)
    hub.add("me/other", {"model.safetensors": b"theirs"})
    with pytest.raises(UsageError, match=said) as caught:
        push(made.out, **options)
    assert caught.value.hint
    assert hub.repos.keys() == {"user/model", "me/other"}


def test_a_repair_of_a_folder_has_no_repository_of_its_source(hub, tmp_path):
    from modelrepair.artifact.records import Origin
    from tests.support.small_repairs import make_repair

    made = make_repair(tmp_path, source=Origin(id="mine"))
    with pytest.raises(UsageError, match="--pr needs a source on the Hub, and mine is a folder"):
        push(made.out, pr=True)
    assert push(made.out).target == "me/mine-repaired"
    card = hub.repos["me/mine-repaired"].files()["README.md"].decode()
    assert "base_model:" not in card.partition("---\n")[2].partition("---")[0]


@pytest.mark.parametrize(
    ("token", "options", "said"),
    [
        (None, {}, "there is no token"),
        ("hf_wrongwrong", {}, "refuses the token"),
        ("hf_readread", {}, "may only read"),
        ("hf_readread", {"pr": True}, "may only read"),
        ("hf_rightright", {"in_place": True}, "no right to write to user/model"),
        ("hf_rightright", {"to": "club/m"}, "may make no repository under club"),
        ("hf_rightright", {"to": "stranger/m"}, "may make no repository under stranger"),
        ("hf_rightright", {"to": "other/taken"}, "no right to write to other/taken"),
    ],
)
def test_rights_are_known_before_anything_is_sent(hub, tmp_path, monkeypatch, token, options, said):
    made = on_the_hub(hub, tmp_path)
    hub.add("other/taken", {"README.md": b""})
    hub.accounts["hf_readread"] = Account("me", "read")
    monkeypatch.delenv("HF_TOKEN")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=said) as caught:
        push(made.out, **options)
    assert caught.value.hint
    assert {method for method, _ in hub.requests} <= {"GET"}


@pytest.mark.parametrize("name", ["my model", "modèle", "a--b", "x" * 90, "..a"])
def test_a_folder_that_names_no_repository_is_refused_before_the_work(name):
    upstream = Upstream(Origin(id="x", hub=False), named=(), held=())
    with pytest.raises(UsageError, match="can name no repository") as caught:
        find_destination(upstream, PushOptions(), name)
    assert f"--to {id_for(name, '-repaired')}" in caught.value.hint
