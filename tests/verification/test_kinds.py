"""Kinds of benign prompts in a repair: the verdict rows add up to measures, gate and manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.verification.verify import verify
from tests.support.sealing import codes, seal
from tests.support.small_repairs import WITH_KINDS, Made, make_repair


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("kinds"), measured=WITH_KINDS)


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


def test_the_card_has_a_line_for_each_kind(untouched):
    card = (untouched.out / "README.md").read_text()
    assert "| how-to | plain | 60 | 1.67 % → 3.33 % | 0 % → 0 % | holds |" in card
    assert "| write | plain | 12 | 0 % | 100 % | left out |" in card
    assert "(kind how-to)" not in card and "No kinds of benign" not in card
    assert "No kinds of benign prompts were asked" in card_without_kinds(untouched)


def card_without_kinds(made: Made) -> str:
    from modelrepair.artifact.card import CardPlace, our_block

    return our_block(made.manifest.model_copy(update={"kinds": {}}), CardPlace())


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
