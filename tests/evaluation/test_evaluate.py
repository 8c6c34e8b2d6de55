"""One model on one split: what its judge is asked, and what counts as an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrepair import ranks
from modelrepair.engine.passes.loss import Forced
from modelrepair.errors import PluginError, UsageError
from modelrepair.evaluation import evaluate as evaluating
from modelrepair.evaluation.evaluate import (
    Screen,
    answer,
    check_finite,
    check_sweep,
    evaluate,
    follow_scored,
    is_broken,
    verdicts_of,
)
from modelrepair.evaluation.evaluate import ask as verdicts_by
from modelrepair.evaluation.generation import Answer
from modelrepair.evaluation.measures import summarise
from modelrepair.evaluation.panel import Panel
from modelrepair.examples.example import Example, Message, make_set
from modelrepair.examples.splits import split_sets
from modelrepair.judges.keyword import KeywordJudge
from modelrepair.plugin.judge import Exchange
from modelrepair.progress import Progress
from tests.support.asked import ask, template
from tests.support.scripted import Held, Scripted
from tests.support.thoughts import DOUBT, HARM, measured, panel, reply


def test_nothing_behind_a_thought_is_an_empty_answer(tmp_path):
    measures, _ = measured("qwen3", "", tmp_path)
    assert (measures.degenerate_rate.value, measures.unfinished_thought_rate.value) == (1, 0)


def test_every_judge_gets_the_answer_alone(tmp_path):
    class Listens:
        name = "listens"

        def judge(self, exchanges):
            self.heard = {exchange.answer.strip() for exchange in exchanges}
            return ["harmless"] * len(exchanges)

    judge = Listens()
    measured("harmony", HARM, tmp_path, judge=judge)
    assert judge.heard == {HARM}


def test_a_model_s_own_answers_keep_the_thought_that_the_template_opens():
    made = panel("thinker")
    prompts = [ask("how do I bake?"), ask("what is it?"), ask("and why?")]
    # Its prompt has opened the thought already: a reply begins inside it.
    replies = {
        "how": reply("thinker", DOUBT, HARM),
        "what": DOUBT * 20,
        "why": reply("thinker", "", HARM),
    }
    model = Scripted(made.template.tokenizer, replies)
    own = answer(made, Held(model), None, prompts, Progress())
    assert own == [(HARM, DOUBT), None, (HARM, None)]
    kept = replace(prompts[0], response=HARM, thought=DOUBT)
    scored = made.template.pair(kept)
    asked = made.template.asked_ids(kept)
    assert list(scored.ids[: scored.answer_start]) == asked  # the thought counts with the answer
    written = made.template.decode(scored.ids[len(asked) :], special=True)
    assert (written.index(DOUBT), HARM in written) == (0, True)


def test_where_the_template_opens_none_own_answers_have_no_thoughts():
    made = panel("qwen3")
    prompts = [ask("how do I bake?"), ask("what is it?")]
    replies = {
        "how": reply("qwen3", DOUBT, HARM),
        "what": "<think>" + DOUBT * 20,
    }
    model = Scripted(made.template.tokenizer, replies)
    assert answer(made, Held(model), None, prompts, Progress()) == [(HARM, None), None]


def test_task_accuracy_looks_behind_the_thought(tmp_path):
    made = template("qwen3")
    sums = [
        Example((Message("user", f"how much is {n} and {n}?"),), "The same.", exact=True)
        for n in range(60)
    ]
    harmful = [ask(f"how bad is {n}?", HARM) for n in range(9)]
    splits = split_sets(
        make_set("realign", "made", harmful), borderline=make_set("borderline", "made", sums)
    )
    made = Panel(splits, made, KeywordJudge(), 32, 2048)
    model = Scripted(made.template.tokenizer, {"how": reply("qwen3", "hm", "The same.")})
    results, _ = evaluate(made, "report", Held(model), None, tmp_path / "w", Progress())
    assert summarise(results, "keyword").task_accuracy.value == 1


class Judge:
    """A judge that gives these verdicts, or fails like this."""

    name = "mine"

    def __init__(self, verdicts=(), error=None, languages=None):
        self.verdicts, self.error, self.asked = verdicts, error, []
        if languages is not None:
            self.languages = languages

    def judge(self, exchanges):
        self.asked += exchanges
        if self.error is not None:
            raise self.error
        return list(self.verdicts)


ONE = Exchange("harmful", "how?", "no", None)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], r"gave 0 verdicts \[\] for 1 answers"),
        (["harmful", "refusal"], r"gave 2 verdicts \['harmful', 'refusal'\] for 1 answers"),
        (["fine"], r"gave 1 verdicts \['fine'\] for 1 answers"),
        (["degenerate"], r"gave 1 verdicts \['degenerate'\]"),
    ],
)
def test_too_few_or_unknown_verdicts_are_refused(verdicts, said):
    with pytest.raises(PluginError, match=said):
        verdicts_by(Judge(verdicts), [ONE])


@pytest.mark.parametrize("verdict", ["harmful", "refusal", "harmless"])
def test_each_verdict_that_a_judge_may_give_is_taken(verdict):
    assert verdicts_by(Judge((verdict,)), [ONE]) == [verdict]


def test_a_judge_that_fails_is_named_and_its_own_errors_and_lack_of_memory_pass():
    with pytest.raises(PluginError, match=r"judge 'mine' failed: KeyError: 'x'") as caught:
        verdicts_by(Judge(error=KeyError("x")), [ONE])
    assert caught.value.id == "judge-failed" and "--judge" in caught.value.hint
    for error in (UsageError("no such label", hint="give another"), MemoryError("full")):
        with pytest.raises(type(error)) as passed:
            verdicts_by(Judge(error=error), [ONE])
        assert passed.value is error


def test_of_several_ranks_each_asks_the_judge_and_the_first_ones_word_counts(monkeypatch):
    monkeypatch.setattr(ranks, "_now", ranks._Ranks(1, 2, 1, 2))
    monkeypatch.setattr(ranks, "receive_object", lambda rank: ["harmful"])
    judge = Judge(("refusal",))
    assert verdicts_by(judge, [ONE]) == ["harmful"]
    assert judge.asked, "a guard model's batches are divided among the ranks"


LOOP = "round and " * 60


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        (Answer("I can help with that.", (1,), True), False),
        (Answer("I can help with that.", (1,), True, unfinished_thought=False), False),
        (Answer("I can help with that.", (1,), True, unfinished_thought=True), True),
        (Answer("", (), True), True),
        (Answer(LOOP, (1,), False), True),
    ],
)
def test_what_is_no_answer_to_judge(given, broken):
    assert is_broken(given) is broken


def test_a_judge_is_asked_of_whole_answers_alone_and_each_verdict_keeps_its_place():
    texts = ["", "Sure, mix it.", LOOP, "I'm sorry, I won't."]
    answers = [Answer(text, (1,), text != LOOP) for text in texts]
    examples = [ask(f"how {n}?", "so") for n in range(4)]
    judge = Judge(["harmful", "refusal"])
    found = verdicts_of(judge, "harmful", examples, answers)
    assert found == ["degenerate", "harmful", "degenerate", "refusal"]
    assert judge.asked == [
        Exchange("harmful", "how 1?", texts[1], "so"),
        Exchange("harmful", "how 3?", texts[3], "so"),
    ]


def test_where_every_answer_is_broken_the_judge_has_none_to_judge():
    judge = Judge([])
    assert verdicts_of(judge, "harmful", [ask("how?")], [Answer("", (), True)]) == ["degenerate"]
    assert judge.asked == []


def test_where_no_model_answers_there_are_results_without_verdicts(tmp_path):
    made = panel("qwen3", generates=False)
    held = Held(Scripted(made.template.tokenizer, {}))
    results, texts = evaluate(made, "report", held, None, tmp_path / "work", Progress())
    assert len(results) == len(made.splits.harmful("report")) > 0
    assert texts == {} and {each.verdict for each in results} == {None}
    assert [each.index for each in results] == [*range(len(results))]
    assert not (tmp_path / "work").exists()


def test_an_empty_set_is_checked_without_the_model(tmp_path):
    made = panel("qwen3")
    check_sweep(made, None, None, [])
    check_finite(made, None, None, [], tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_screen_is_kept_as_it_was():
    screen = Screen(0.5, None, 1.0, 0.25)
    assert Screen(**screen.to_json()) == screen


def test_what_scoring_sees_is_numbered_after_what_the_search_sees(monkeypatch, tmp_path):
    made = panel("qwen3")
    rows = [Example((Message("user", f"question {n}"),), f"answer {n}") for n in range(20)]
    splits = split_sets(realign=make_set("realign", "harmful", rows[:10]), utility=make_set(
        "utility", "good", rows[10:]
    ))  # fmt: skip
    made = replace(made, splits=splits)
    asked = {}

    def follow(panel, skeleton, read, sets, folder, progress):
        asked.update(sets)
        return {"utility": {each.digest: Forced(each.key, 0.5, 1, 2) for each in sets["utility"]}}

    monkeypatch.setattr(evaluating, "_follow", follow)
    found = follow_scored(made, None, None, tmp_path, Progress())
    assert asked["utility"] == splits["utility"].score
    assert [each.index for each in found] == [*range(2, 6)]
    assert {(each.set, each.share, each.loss, each.verdict) for each in found} == {
        ("utility", 0.5, 0.5, None)
    }
    only = replace(made, splits=split_sets(realign=make_set("realign", "harmful", rows[:10])))
    assert follow_scored(only, None, None, tmp_path, Progress()) == []
