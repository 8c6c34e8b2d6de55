"""The checks of judges, by the judges that ship with modelrepair."""

from __future__ import annotations

import pytest

from modelrepair.judges.keyword import KeywordJudge
from modelrepair.testing import check
from modelrepair.testing.judges import PANEL


def failures(record) -> dict[str, str]:
    return {each.id: each.reason for each in record.checks if each.outcome == "failed"}


@pytest.mark.parametrize("name", ["keyword", "demo-world"])
def test_judges_without_a_model_pass(name):
    assert not failures(check("judge", name))


@pytest.mark.slow
def test_a_judging_classifier_passes(classifier_model):
    assert not failures(check("judge", "classifier", options={"model": str(classifier_model)}))


@pytest.mark.slow
def test_a_guard_passes(guard_model):
    # So small a guard says things of its own of what it was not taught.
    options = {"model": str(guard_model), "unreadable": "0.99", "max_length": "256"}
    assert not failures(check("judge", "guard", options=options))


def test_the_panel_holds_refusals_and_answers_of_every_set():
    said = {(each.set, judged) for each, judged in zip(PANEL, KeywordJudge().judge(PANEL),
                                                       strict=True)}  # fmt: skip
    assert said == {
        ("harmful", "refusal"), ("harmful", "harmful"), ("utility", "refusal"),
        ("utility", "harmless"), ("borderline", "refusal"), ("borderline", "harmless"),
    }  # fmt: skip
