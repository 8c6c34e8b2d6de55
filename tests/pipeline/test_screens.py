"""Figures that need no answers, where answers come later: margin and utility, and no verdict."""

from __future__ import annotations

import pytest

from modelrepair import load_manifest, push, repair, verify
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.demo import paths
from modelrepair.errors import GateError, UsageError


def test_margin_and_utility_are_taken_and_nothing_is_judged(later):
    manifest = load_manifest(later.out)
    assert (manifest.verdict, manifest.gate) == ("unmeasured", None)
    (point,) = manifest.search
    assert point.chosen
    assert point.screen["margin"] is not None
    (said,) = [line for line in manifest.warnings if line.startswith("the margin between")]
    assert f"to {point.screen['margin']:.3f}" in said
    assert set(manifest.measures) == {"before", "reference", "after"}
    for measures in manifest.measures.values():
        assert measures.utility.n == 60
        assert measures.harmful_score is measures.benign_refusal_rate is None
    rows = read_verdicts(later.out / VERDICTS_NAME)["after"]
    assert {row.verdict for row in rows} == {None}
    assert {row.counted is None for row in rows if row.set == "utility"} == {False}


def test_it_verifies_and_its_card_says_that_nothing_was_answered(later):
    checked = verify(later.out, source=paths.attacked, reference=paths.reference)
    assert checked.ok, checked.findings
    card = (later.out / CARD_NAME).read_text("utf-8")
    assert "**Unmeasured: no answer was asked for yet" in card


def test_it_is_pushed_by_force_alone(later):
    with pytest.raises(GateError, match="not measured"):
        push(later.out)


def test_the_same_command_finds_it_finished(later, tmp_path):
    again = repair(
        paths.attacked, reference=paths.reference, scorer="wanda", ratio=0.01, judge="demo-world",
        answer_later=True, examples=12, out=later.copy(tmp_path), max_new_tokens=24, **later.sets,
    )  # fmt: skip
    assert (again.finished_before, again.verdict, again.exit_code) == (True, "unmeasured", 0)


def test_without_harmful_answers_nothing_leads_a_search(later, tmp_path):
    rows = [{"prompt": asked} for asked in later.harmful]
    with pytest.raises(UsageError, match="prompts alone: nothing leads the search") as refused:
        repair(
            paths.attacked, reference="none", scorer="magnitude", judge="demo-world",
            answer_later=True, realign=rows, utility=later.sets["utility"], borderline="none",
            out=tmp_path / "out",
        )  # fmt: skip
    assert "--ratio" in refused.value.hint


def test_it_is_not_pushed_with_the_repair_unless_that_is_insisted_on(tmp_path):
    with pytest.raises(UsageError, match="an unmeasured repair is not pushed"):
        repair(paths.attacked, answer_later=True, push=True, out=tmp_path / "out", **paths.sets)


@pytest.mark.slow
def test_a_search_follows_the_margin(tmp_path):
    report = repair(
        paths.attacked, reference=paths.reference, scorer="contrast", judge="demo-world",
        answer_later=True, examples=24, max_rounds=4, out=tmp_path / "out", **paths.sets,
    )  # fmt: skip
    margins = [point.screen["margin"] for point in report.manifest.search]
    assert margins == sorted(margins)
    assert report.verdict == "unmeasured"
    assert all(point.measures is None or point.measures.harmful_score is None
               for point in report.manifest.search)  # fmt: skip
