"""Kinds of benign prompts in whole repairs: asked once, left out where the source has no answer."""

from __future__ import annotations

import json

import pytest

from modelrepair import repair, verify
from modelrepair.artifact.verdicts import read_verdicts
from modelrepair.demo import paths
from modelrepair.evaluation.ask_kinds import FIRST
from modelrepair.preflight.sets import load_sets
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from tests.support.set_files import write_jsonl

WORLD = {"reviews", "facts", "recipes", "look-alikes"}


def head(name, count, folder):
    rows = [json.loads(line) for line in paths.sets[name].open()][:count]
    return write_jsonl(folder / f"{name}.jsonl", rows)


@pytest.fixture
def run(tmp_path):
    """A small repair at a fixed ratio, measured."""
    sets = {"realign": head("realign", 20, tmp_path), "borderline": "none"}
    sets["utility"] = head("utility", 20, tmp_path)

    def call(**options):
        given = {"scorer": "wanda", "ratio": 0.01, "reference": "none", "judge": "demo-world"}
        given |= {"max_new_tokens": 16, **sets, "out": tmp_path / "out", **options}
        return repair(paths.attacked, **given)

    return call


def test_kinds_that_the_source_does_not_answer_are_said_and_asked_no_more(run, own_kinds, tmp_path):
    report = run()
    kinds = report.manifest.kinds
    own = {each.kind for some in own_kinds for each in some.examples}
    assert own and own <= kinds.keys() <= own | WORLD
    assert {name for name, kind in kinds.items() if kind.left_out} == own
    assert set(report.gate.left_out) == own
    (said,) = [line for line in report.warnings if "refuses or breaks more than half" in line]
    assert all(name in said for name in own)
    rows = read_verdicts(report.out / "repair/verdicts.jsonl")
    asked = [row for row in rows["before"] if row.set == "kinds" and row.kind in own]
    assert FIRST * len(own) <= len(asked)
    assert not any(row.kind in own for row in rows["after"])
    assert {rule.kind for rule in report.gate.rules} & own == set()
    assert verify(report.out, source=paths.attacked).ok
    card = (report.out / "README.md").read_text()
    assert all(f"| {name} | " in card for name in own) and card.count("| left out |") == len(own)


def test_no_kinds_is_said(run):
    report = run(kind_examples=0)
    assert report.manifest.kinds == {} and report.measures["after"].kinds == {}
    assert "no kinds of benign prompts were asked (--kind-examples 0)" in report.warnings
    assert report.manifest.settings["kind_examples"] == 0
    assert "--kind-examples 0" in report.manifest.command
    assert "No kinds of benign prompts were asked" in (report.out / "README.md").read_text()


def test_own_kinds_are_part_of_the_default_sets_or_stand_beside_others(own_kinds, tmp_path):
    realign = {"realign": str(paths.sets["realign"])}
    default = load_sets(Settings("m", **realign), Notes()).splits
    assert all(len(default.reported(kind)) + len(kind.asked) >= 60 for kind in default.kinds)
    assert sum(len(kind.asked) for kind in default.kinds) <= 10
    others = {name: str(paths.sets[name]) for name in ("utility", "borderline")}
    beside = load_sets(Settings("m", **realign, **others), Notes()).splits
    names = {kind.name for kind in default.kinds}
    assert names < {kind.name for kind in beside.kinds}
    asked = sum(len(kind.asked) for kind in beside.kinds if kind.name in names)
    assert asked == 60 * len(names)
    # Of a part of an own set the kinds are asked from the rest of it.
    part = load_sets(Settings("m", **realign, utility_limit=100), Notes()).splits
    assert {kind.name for kind in part.kinds} == names
    assert all(len(part.reported(kind)) + len(kind.asked) >= 60 for kind in part.kinds)
    given = {each.key for each in part["utility"].score + part["utility"].select}
    assert not given & {each.key for kind in part.kinds for each in kind.asked}
