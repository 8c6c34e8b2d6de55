"""Kinds of benign prompts in a repair: the verdict rows add up to measures, gate and manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.verification.verify import verify
from tests.support.repairs_with_kinds import untouched_fixture  # noqa: F401
from tests.support.sealing import codes, seal
from tests.support.small_repairs import WITH_KINDS, Made


@pytest.fixture
def made(untouched, tmp_path) -> Made:
    return replace(untouched, out=Path(copytree(untouched.out, tmp_path / "out")))


def rows(made: Made):
    return [json.loads(line) for line in (made.out / VERDICTS_NAME).open()]


def write(made: Made, changed) -> None:
    text = "".join(json.dumps(row) + "\n" for row in changed)
    (made.out / VERDICTS_NAME).write_text(text)


def test_a_repair_with_kinds_verifies(untouched):
    assert verify(untouched.out, source=untouched.source).ok
    assert read_verdicts(untouched.out / VERDICTS_NAME) == WITH_KINDS
    manifest = untouched.manifest
    assert manifest.verdict == "passed" and manifest.gate["left_out"] == ["write"]
    assert {name: kind.left_out for name, kind in manifest.kinds.items()} == {
        "how-to": False, "write": True, "explain": False,
    }  # fmt: skip


def test_answers_that_were_lost_and_are_hidden(made):
    changed = rows(made)
    lost = [row for row in changed if row.get("kind") == "how-to"][:9]
    for row in lost:
        row["after"]["verdict"] = "refusal"
    write(made, changed)
    seal(made)
    assert {"measure", "gate"} <= codes(made)


def test_a_kind_that_is_no_longer_named(made):
    seal(made, lambda document: document["kinds"].pop("how-to"))
    assert "measure" in codes(made)


def test_a_kind_that_is_called_left_out(made):
    seal(made, lambda document: document["kinds"]["how-to"].update(left_out=True))
    assert "measure" in codes(made)


def test_rows_whose_kind_is_taken_away(made):
    changed = rows(made)
    for row in changed:
        row.pop("kind", None)
    write(made, changed)
    seal(made)
    assert {"measure", "gate"} <= codes(made)


@pytest.mark.parametrize("kind", [3, "", "x" * 65, ["how-to"]])
def test_a_kind_that_is_no_name(made, kind):
    changed = rows(made)
    changed[-1]["kind"] = kind
    write(made, changed)
    seal(made)
    assert "verdicts" in codes(made)


def test_a_level_that_is_none_is_no_bug(made):
    seal(made, lambda document: document["settings"]["budgets"].update(kind_level=0))
    assert "gate" in codes(made)
