"""A repaired model goes to the Hub whole, where it may, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelrepair import load_manifest, push
from modelrepair.artifact.digests import digest
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.checkpoint.place import reserved
from modelrepair.errors import (
    DamagedCheckpointError,
    GateError,
    HubError,
    UsageError,
)
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.hub.second_pushes import HUBS_OWN, two_repairs, without_hubs_own
from tests.support.hub.state import Repo
from tests.support.small_repairs import results

BAD = {"before": results(200), "after": results(180)}
FEW = {"before": results(20, 30), "after": results(0, 30)}


def but_the_card(held: Path | Repo) -> dict[str, bytes]:
    """Files without the card, which in place keeps its owner's keys."""
    files = held.files() if isinstance(held, Repo) else files_of(held)
    return {name: data for name, data in files.items() if name not in (HUBS_OWN, "README.md")}


def test_a_new_repository_holds_what_the_folder_holds(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, sharded=True)
    report = push(made.out)
    assert (report.target, report.kind, report.revision) == (
        "me/model-repaired",
        "new repository",
        "main",
    )
    assert (report.exit_code, report.private, report.gated) == (0, False, None)
    repo = hub.repos["me/model-repaired"]
    assert without_hubs_own(repo.files()) == files_of(made.out)
    commit = repo.commit()
    assert commit.id == report.commit
    assert commit.title.startswith("Repair with modelrepair 0.1.0 (wanda, ")
    assert digest(made.manifest) in commit.description
    assert made.manifest.command in commit.description
    card = repo.files()["README.md"].decode()
    assert "hf download me/model-repaired --local-dir repaired" in card
    assert hub.repos["user/model"].commits.keys() == {made.manifest.source.commit}


def test_again_there_is_nothing_to_push(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    first = push(made.out)
    again = push(made.out)
    assert again.nothing and not first.nothing
    assert again.commit == first.commit
    assert len(hub.repos["me/model-repaired"].commits) == 2


def test_in_place(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model", sharded=True)
    report = push(made.out, in_place=True)
    repo = hub.repos["me/model"]
    assert (report.target, report.kind) == ("me/model", "in place")
    assert but_the_card(repo) == {**but_the_card(made.out), "notes.csv": b"1,2"}
    assert len(repo.commits) == 2
    assert "- pytorch_model.bin" in repo.commit().description
    assert push(made.out, in_place=True).nothing


def test_in_place_on_a_branch_leaves_main_alone(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model")
    push(made.out, in_place=True, to_revision="repaired")
    repo = hub.repos["me/model"]
    assert repo.head == made.manifest.source.commit
    assert MANIFEST_NAME in repo.files("repaired")


@pytest.mark.parametrize("name", ["config.json", "README.md", "pytorch_model.bin"])
def test_what_the_source_s_owner_changed_since_is_not_lost(hub, tmp_path, name):
    made = on_the_hub(hub, tmp_path, id="me/model")
    files = hub.repos["me/model"].files()
    changed = hub.add("me/model", {**files, name: b"newer"})
    for way in ({"in_place": True}, {"pr": True}):
        with pytest.raises(HubError, match=rf"{name} of me/model was changed since this repair"):
            push(made.out, **way)
    assert hub.repos["me/model"].head == changed
    assert not hub.repos["me/model"].discussions


def test_in_place_another_repair_of_the_same_commit_takes_the_place_of_the_first(hub, tmp_path):
    one, two, repo = two_repairs(hub, tmp_path)
    report = push(two.out, in_place=True)
    assert "repair/values.safetensors" in report.pushed
    assert but_the_card(repo) == {**but_the_card(two.out), "notes.csv": b"1,2"}
    assert push(two.out, in_place=True).nothing
    assert push(one.out, in_place=True).deleted == ("repair/values.safetensors",)
    assert but_the_card(repo) == {**but_the_card(one.out), "notes.csv": b"1,2"}
    assert push(two.out, pr=True).revision == "refs/pr/1"


def test_what_else_was_changed_since_stays(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, id="me/model")
    hub.add("me/model", {**hub.repos["me/model"].files(), "more.csv": b"3"})
    push(made.out, in_place=True)
    assert hub.repos["me/model"].files()["more.csv"] == b"3"


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (BAD, "the gate failed"),
        (FEW, "the gate is undecided"),
        ({}, "this repair was not measured"),
    ],
)
def test_the_gate_holds_the_door(hub, tmp_path, measured, said):
    made = on_the_hub(hub, tmp_path, measured=measured)
    with pytest.raises(GateError, match=f"not pushed: {said}"):
        push(made.out)
    assert hub.requests == []
    report = push(made.out, force=True)
    assert report.exit_code == (1 if measured else 0)
    repo = hub.repos["me/model-repaired"]
    first = repo.files()["README.md"].decode().partition("begin v1 -->")[2].strip()
    assert first.startswith(("**The gate failed", "**Undecided", "**Unmeasured"))
    assert made.manifest.verdict in repo.commit().title


def test_a_card_without_its_first_line_gets_it_back(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, measured=BAD)
    card = made.out / "README.md"
    card.write_text(card.read_text().replace("**The gate failed", "**All is well"))
    push(made.out, force=True)
    assert "**The gate failed" in hub.repos["me/model-repaired"].files()["README.md"].decode()


def edited(folder: Path, change) -> None:
    path = folder / MANIFEST_NAME
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda f: (f / "extra.json").write_text("{}"), DamagedCheckpointError,
         "'extra.json' is no part of it"),
        (lambda f: (f / "tokenizer.json").unlink(), DamagedCheckpointError,
         "'tokenizer.json' is missing"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), DamagedCheckpointError,
         "'tokenizer.json' is not the file"),
        (lambda f: (f / MANIFEST_NAME).unlink(), DamagedCheckpointError, "no manifest"),
        (lambda f: edited(f, lambda d: d["measures"]["after"]["harmful_score"].update(value=0.0)),
         GateError, "the manifest says 0"),
        (lambda f: edited(f, lambda d: d.update(verdict="passed")),
         GateError, "the manifest says passed"),
        (lambda f: edited(f, lambda d: d.update(verdict="passed", gate=None)),
         GateError, "source and result were measured, and no gate"),
    ],
)  # fmt: skip
def test_a_folder_that_was_changed_stays_here(hub, tmp_path, change, error, said):
    made = on_the_hub(hub, tmp_path, measured=BAD)
    change(made.out)
    with pytest.raises(error, match=said):
        push(made.out, force=True)
    assert "me/model-repaired" not in hub.repos


def test_the_manifest_stays_what_it_was(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    push(made.out)
    assert digest(load_manifest(made.out)) == digest(made.manifest)


def test_one_push_at_a_time_writes_the_card(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    with reserved(made.out), pytest.raises(UsageError, match="another run is writing"):
        push(made.out)
    assert "me/model-repaired" not in hub.repos
    assert push(made.out).target == "me/model-repaired"
