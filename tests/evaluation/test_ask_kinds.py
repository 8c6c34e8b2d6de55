"""What is asked of each kind, and when the source is asked no more of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modelrepair.evaluation import ask_kinds
from modelrepair.evaluation.ask_kinds import FIRST, ask, asked_of
from modelrepair.evaluation.generation import Answer
from modelrepair.examples.kinds import PromptKind
from modelrepair.examples.load import Example, Message, make_set
from modelrepair.progress import Progress


def kind(name, count, role="utility"):
    examples = tuple(Example((Message("user", f"{name} {i}"),), "a", kind=name) for i in range(60))
    return PromptKind(name, role, make_set(role, "plain", examples), examples[:count])


class Judge:
    name = "mine"

    def judge(self, exchanges):
        assert {each.set for each in exchanges} <= {"utility", "borderline"}
        return ["refusal" if each.prompt.startswith("no") else "harmless" for each in exchanges]


@pytest.fixture
def asked_prompts(monkeypatch):
    """Every prompt in the order of the calls, with the most tokens of its answer."""
    calls = []

    def answers_to(panel, model, prompts, progress):
        some = {role: [each.prompt for each in examples] for role, examples in prompts.items()}
        calls.append((panel.max_new_tokens, [text for texts in some.values() for text in texts]))
        return {
            role: [Answer(f"It is {text}.", (), finished=True) for text in texts]
            for role, texts in some.items()
        }

    monkeypatch.setattr(ask_kinds, "answers_to", answers_to)
    return calls


def results(kinds, most=128, **options):
    panel = SimpleNamespace(judge=Judge(), max_new_tokens=most)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(
        ask_kinds, "replace", lambda panel, **new: SimpleNamespace(**{**vars(panel), **new})
    )
    try:
        return ask(panel, asked_of(kinds), None, Progress(), **options)
    finally:
        monkey.undo()


def test_every_answer_has_64_tokens_at_most(asked_prompts):
    found = results([kind("how-to", 20), kind("odd", 5, "borderline")])
    assert [call[0] for call in asked_prompts] == [64]
    assert [(row.set, row.index) for row in found] == [("kinds", i) for i in range(25)]
    assert [row.kind for row in found] == ["how-to"] * 20 + ["odd"] * 5
    results([kind("how-to", 1)], most=24)
    assert asked_prompts[-1][0] == 24
    results([kind("how-to", 1)], tokens=128)
    assert asked_prompts[-1][0] == 128


def test_a_kind_without_an_answer_among_the_first_is_asked_no_more(asked_prompts):
    kinds = [kind("no way", 60), kind("how-to", 60)]
    found = results(kinds, alone={"no way", "how-to"})
    counts = {name: sum(row.kind == name for row in found) for name in ("no way", "how-to")}
    assert counts == {"no way": FIRST, "how-to": 60}
    assert [len(prompts) for _, prompts in asked_prompts] == [2 * FIRST, 60 - FIRST]
    assert {row.index for row in found} == {*range(FIRST), *range(60, 120)}
    # One that a set reports besides is asked whole: its other answers count, too.
    assert len(results(kinds, alone={"how-to"})) == 120


def test_what_is_left_out_keeps_the_places_of_the_others():
    kinds = [kind("a", 3), kind("b", 2)]
    assert [one.index for one in asked_of(kinds, ["a"])] == [3, 4]
