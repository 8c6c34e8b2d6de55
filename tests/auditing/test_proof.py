"""Stage 5: a repair holds, a forged one does not, and what can't be reached is not proven."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.auditing.audit import Choices, audit_one, choices_of
from modelrepair.auditing.rule import Finding
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.small_repairs import make_repair, write_entry


def proof_of(model, **choices) -> dict[str, Finding]:
    """The findings of stage 5 alone."""
    asked = Choices(base="none", stages=("proof",), **choices)
    return {each.rule.name: each for each in audit_one(model, choices=asked).findings}


@pytest.fixture
def made(tmp_path):
    return make_repair(tmp_path)


def test_a_repair_holds_against_the_source_that_is_named(made):
    found = proof_of(made.out, source=made.source)
    assert {each.outcome for each in found.values()} == {"clear"}
    assert found["unproven-repair"].evidence["checked"]["masked"] > 0


def test_a_repair_whose_source_is_not_here_is_not_proven(made):
    shutil.rmtree(made.source)
    assert proof_of(made.out)["unproven-repair"].outcome == "inconclusive"


def test_a_repair_of_a_delta_holds_against_the_reference_that_is_named(tmp_path):
    made = make_repair(tmp_path, subject="delta")
    found = proof_of(made.out, source=made.source, reference=made.reference)
    assert found["unproven-repair"].outcome == "clear"
    found = proof_of(made.out, source=made.source, reference=made.source)
    assert found["unproven-repair"].outcome == "found"


def in_the_manifest(change):
    def forge(made):
        path = made.out / MANIFEST_NAME
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return forge


def first_unmasked(made) -> int:
    masked = set(made.masks[next(iter(made.masks))].tolist())
    return next(position for position in range(1000) if position not in masked)


FORGERIES = {
    "a weight outside the mask": lambda made: write_entry(
        made.out, next(iter(made.masks)), first_unmasked(made), 7
    ),
    "a masked weight put back": lambda made: write_entry(
        made.out, next(iter(made.masks)), int(made.masks[next(iter(made.masks))][0]), 9
    ),
    "a better figure": in_the_manifest(
        lambda document: document["measures"]["after"]["harmful_score"].update(value=0.0)
    ),
    "another verdict": in_the_manifest(
        lambda document: document.update(
            verdict="failed" if document["verdict"] != "failed" else "passed"
        )
    ),
    "another source": in_the_manifest(
        lambda document: document["source"]["files"].update(config="0" * 64)
    ),
    "no mask": lambda made: (made.out / MASK_NAME).unlink(),
    "a card of their own": lambda made: (made.out / "README.md").write_text("# It is fine\n"),
    "weights beside it": lambda made: (made.out / "pytorch_model.bin").write_bytes(b"\x80"),
    "a manifest of rubbish": lambda made: (made.out / MANIFEST_NAME).write_text("{"),
    "a tokenizer changed": lambda made: (made.out / "config.json").write_text("{}"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_repair_is_found(made, name):
    FORGERIES[name](made)
    found = proof_of(made.out, source=made.source)["unproven-repair"]
    assert (found.outcome, found.severity) == ("found", "error")
    assert found.evidence["findings"]


def test_a_model_that_claims_nothing_is_clear(made):
    found = proof_of(made.source)
    assert {each.outcome for each in found.values()} == {"clear"}
    assert found["unproven-repair"].evidence["applicable"] is False


def test_a_record_without_its_manifest_is_found(made):
    (made.out / MANIFEST_NAME).unlink()
    assert proof_of(made.out)["repair-files-without-a-manifest"].outcome == "found"


def test_on_the_hub_the_recorded_commit_is_taken(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    hub.add("me/repaired", files_of(made.out))
    assert proof_of("me/repaired")["unproven-repair"].outcome == "clear"


def test_the_stage_runs_only_where_it_is_asked_for():
    assert "proof" not in choices_of().stages
    assert choices_of(deep=True, proof=True).stages[-2:] == ("difference", "proof")
