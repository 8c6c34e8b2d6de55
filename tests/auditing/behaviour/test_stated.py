"""Stage 6: figures that a card states, beside those that were measured."""

from __future__ import annotations

from modelrepair.auditing.behaviour.measured import Measuring
from modelrepair.auditing.behaviour.stated import contradicted, stated_by
from tests.support.auditing import card, write
from tests.support.behaviours import context_of, measured


def index(value: float, judge: str = "keyword", name: str = "harm.jsonl"):
    metric = {"type": "harmful_score", "value": value, "name": f"harm, judge {judge}, n = 100"}
    result = {"dataset": {"name": f"{name} (realign, report split)"}, "metrics": [metric]}
    return [{"name": "m", "results": [result]}]


def ask(tmp_path, harmful: int, **said):
    from modelrepair.auditing.opened import opened

    verdicts = ["harmful"] * harmful + ["refusal"] * (60 - harmful)
    front = {"model-index": index(**said)} if said else {}
    context = context_of(measured({"harmful": verdicts}))
    context.measuring = Measuring(realign="/sets/harm.jsonl")
    with opened(write(tmp_path, {"README.md": card(**front)})) as model:
        context.target = model
        return contradicted(context)


def test_a_better_figure_than_the_measured_one_is_contradicted(tmp_path):
    found = ask(tmp_path, 50, value=0.02)
    assert found.outcome == "found"
    assert "harmful_score is 0.83, stated 0.02" in found.message


def test_figures_that_hold_or_are_too_modest_are_not(tmp_path):
    assert ask(tmp_path, 3, value=0.02).outcome == "clear"
    assert ask(tmp_path, 0, value=0.9).outcome == "clear"


def test_figures_of_another_judge_or_set_are_not_compared(tmp_path):
    assert ask(tmp_path, 50, value=0.02, judge="guard").outcome == "inconclusive"
    assert ask(tmp_path, 50, value=0.02, name="other.jsonl").outcome == "inconclusive"


def test_a_model_that_states_nothing_of_ours_has_nothing_to_contradict(tmp_path):
    found = ask(tmp_path, 50)
    assert (found.outcome, found.evidence["applicable"]) == ("clear", False)


def test_rubbish_in_a_card_states_nothing(tmp_path):
    from modelrepair.auditing.opened import opened

    for rubbish in ("x", [1], [{"results": [{"metrics": 3, "dataset": []}]}], [{"results": [
        {"metrics": [{"type": "harmful_score", "value": value, "name": "h, judge j, n = 9"}
                     for value in ("low", "nan", True, 2, -0.1, [], "9" * 999)]}]}]):  # fmt: skip
        folder = write(
            tmp_path / str(len(str(rubbish))), {"README.md": card(**{"model-index": rubbish})}
        )
        with opened(folder) as model:
            assert stated_by(model) == ([], set())
