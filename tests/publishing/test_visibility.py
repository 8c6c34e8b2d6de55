"""What was made from a hidden model is hidden from whoever may not see that model."""

from __future__ import annotations

import pytest

from modelrepair import push
from modelrepair.errors import HubError
from tests.support.hub.repaired import on_the_hub


@pytest.mark.parametrize(
    ("flags", "private", "gated"),
    [({"private": True}, True, None), ({"gated": "manual"}, False, "manual"), ({}, False, None)],
)
def test_the_target_is_as_hidden_as_the_source(hub, tmp_path, flags, private, gated):
    made = on_the_hub(hub, tmp_path, id="me/model", **flags)
    report = push(made.out)
    repo = hub.repos["me/model-repaired"]
    assert (repo.private, repo.gated or None) == (private, gated)
    assert (report.private, report.gated) == (private, gated)
    if gated:
        paths = [path for _, path in hub.requests]
        settings = paths.index("/api/models/me/model-repaired/settings")
        assert settings < paths.index("/me/model-repaired.git/info/lfs/objects/batch")


def test_a_private_reference_makes_a_private_target(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, subject="delta")
    hub.repos["org/base"].private = True
    hub.repos["org/base"].readers.add("me")
    assert push(made.out).private


def test_a_gated_reference_makes_a_gated_target(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, subject="delta", gated="auto")
    hub.repos["user/model"].readers.add("me")
    hub.repos["org/base"].gated = "manual"
    assert push(made.out).gated == "manual", "the stricter of two"
    assert hub.repos["me/model-repaired"].gated == "manual"


def test_a_gate_that_is_there_is_never_loosened(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, gated="auto")
    hub.repos["user/model"].readers.add("me")
    hub.add("me/model-repaired", {"README.md": b""}, gated="manual")
    assert push(made.out).gated == "manual"
    assert hub.repos["me/model-repaired"].gated == "manual"


def test_a_private_repository_needs_no_gate_where_it_can_have_none(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, gated="auto")
    hub.repos["user/model"].readers.add("me")
    hub.fail("PUT", "/settings", 403)
    with pytest.raises(HubError, match="no right"):
        push(made.out)
    del hub.repos["me/model-repaired"]
    report = push(made.out, private=True)
    assert report.private and hub.repos["me/model-repaired"].private


@pytest.mark.parametrize("flags", [{"private": True}, {"gated": "manual"}])
@pytest.mark.parametrize("way", [{"pr": True}, {"in_place": True}])
def test_no_value_of_a_hidden_reference_goes_into_an_open_source(hub, tmp_path, flags, way):
    made = on_the_hub(hub, tmp_path, id="me/model", subject="delta")
    for name, value in flags.items():
        setattr(hub.repos["org/base"], name, value)
    hub.repos["org/base"].readers.add("me")
    with pytest.raises(HubError, match="me/model is open to more people than org/base") as caught:
        push(made.out, **way)
    assert "leave --pr and --in-place out" in caught.value.hint
    assert len(hub.repos["me/model"].commits) == 1
    for name, value in flags.items():
        setattr(hub.repos["me/model"], name, value)
    hub.repos["me/model"].readers.add("me")
    assert not push(made.out, **way).nothing


def test_a_private_source_is_closed_enough_for_a_gated_reference(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model", subject="delta", private=True)
    hub.repos["org/base"].gated = "manual"
    assert push(made.out, in_place=True).private


def test_nothing_private_goes_to_a_public_repository(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model", private=True)
    hub.add("me/open", {"README.md": b""})
    with pytest.raises(HubError, match="me/open is public, and the source is private"):
        push(made.out, to="me/open")
    assert hub.repos["me/open"].files().keys() == {"README.md"}


def test_a_source_that_is_gone_may_have_been_private(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    del hub.repos["user/model"]
    with pytest.raises(HubError, match="whether it is private is not known"):
        push(made.out)
    assert push(made.out, private=True).private
