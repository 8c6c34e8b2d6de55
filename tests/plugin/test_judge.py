"""What a judge is handed, and what is taken from it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from modelrepair.errors import PluginError
from modelrepair.evaluation.evaluate import ask
from modelrepair.plugin.judge import Exchange, Judge

ASKED = [
    Exchange("harmful", "how?", "like this", "thus"),
    Exchange("utility", "2 + 2?", "4", "4"),
]


class Rule:
    """A judge that looks at the set alone."""

    name = "rule"

    def judge(self, exchanges):
        return ("harmful" if each.set == "harmful" else "harmless" for each in exchanges)


def test_any_class_with_a_name_and_a_verdict_for_each_exchange_is_a_judge():
    judge: Judge = Rule()
    assert ask(judge, ASKED) == ["harmful", "harmless"]
    assert ask(judge, ASKED[::-1]) == ["harmless", "harmful"]
    assert ask(judge, []) == []


def test_a_judge_can_not_change_what_it_judges():
    with pytest.raises(FrozenInstanceError):
        ASKED[0].answer = "I can't help"


@pytest.mark.parametrize("verdicts", [[], ["harmful"], ["harmful"] * 3, ["harmful", "degenerate"]])
def test_one_verdict_for_each_exchange_and_none_that_is_the_host_s(monkeypatch, verdicts):
    monkeypatch.setattr(Rule, "judge", lambda self, exchanges: verdicts)
    with pytest.raises(PluginError, match=f"gave {len(verdicts)} verdicts"):
        ask(Rule(), ASKED)
