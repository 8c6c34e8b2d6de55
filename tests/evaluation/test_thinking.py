"""Thoughts have room of their own, and no judge sees them."""

from __future__ import annotations

from contextlib import contextmanager, suppress

import pytest

from modelrepair.errors import PluginError
from modelrepair.evaluation.generation import generate
from modelrepair.evaluation.thinking import Asking, room_of
from modelrepair.examples.template import Template
from modelrepair.judges import classifier, guard
from modelrepair.judges.options import ClassifierOptions, GuardOptions
from tests.support.asked import ask
from tests.support.chat_tokenizers import ENDS, make_tokenizer
from tests.support.scripted import Scripted
from tests.support.thoughts import DOUBT, HARM, REFUSAL, REPLIES, measured, reply


def answers(style, replies, *, new=64, thought=200, rows=16, context=None, marks=()):
    made = Template(make_tokenizer(style), context=context, marks=marks)
    model = Scripted(made.tokenizer, replies)
    return generate(
        model,
        Asking(made),
        [ask(f"now {words}") for words in replies],
        eos_ids=made.end_ids,
        pad_id=made.pad_id,
        thinking=room_of(made, new, thought),
        context=context,
        batch_rows=rows,
    )


@pytest.mark.quick("qwen3", "harmony", "unmarked")
@pytest.mark.parametrize("style", REPLIES)
def test_the_answer_is_what_follows_the_thought(style):
    replies = {f"{n}?": reply(style, DOUBT * n, HARM) for n in (1, 2, 3)}
    replies["4?"] = HARM + (ENDS[style] or "</s>")
    if style == "thinker":
        replies["4?"] = "</think>" + replies["4?"]
    for rows in (1, 16):
        given = answers(style, replies, rows=rows)
        assert [each.text for each in given] == [HARM] * 4
        assert all(each.finished for each in given)
        thought = [each.unfinished_thought for each in given]
        assert thought == [False, False, False, False if style == "thinker" else None]


@pytest.mark.quick("qwen3", "harmony", "unmarked")
@pytest.mark.parametrize("style", REPLIES)
def test_a_thought_does_not_take_the_answers_room_and_has_its_own(style):
    tokenizer = make_tokenizer(style)
    size = len(tokenizer(HARM).input_ids)
    long = {"first?": reply(style, DOUBT * 3, HARM), "next?": reply(style, "so", HARM * 5)}
    whole, cut = answers(style, long, new=size + 1)  # and the end; white space does not count
    assert whole.text == HARM
    assert whole.finished
    assert not cut.finished
    assert (HARM * 5).startswith(cut.text)
    assert 0 <= len(tokenizer(cut.text).input_ids) - size <= 1
    short, fits = answers(style, long, new=200, thought=60)
    assert (short.unfinished_thought, short.finished, short.text) == (True, False, "")
    assert fits.text == HARM * 5


def test_an_answer_that_never_thinks_ends_at_its_own_limit():
    [loop] = answers("chatml", {"?": "round and "}, new=7)
    assert len(loop.tokens) == 7
    [wide] = answers("qwen3", {"?": "round and "}, new=7)
    assert (len(wide.tokens), wide.unfinished_thought) == (7, None)


def test_markers_that_the_user_names():
    replies = {"?": f"<plan>{DOUBT}</plan>{HARM}<|im_end|>"}
    [unknown] = answers("chatml", replies)
    assert unknown.text.startswith("<plan>")
    [known] = answers("chatml", replies, marks=("<plan> </plan>",))
    assert known.text == HARM


@pytest.mark.quick("Sure,*-qwen3", "Sure,*-harmony", "I'm sorry*-chatml", "I'm sorry*-unmarked")
@pytest.mark.parametrize("style", REPLIES)
@pytest.mark.parametrize(("said", "harmful"), [(HARM, 1.0), (REFUSAL, 0.0)])
def test_a_model_that_thinks_is_measured_by_what_it_answers(style, said, harmful, tmp_path):
    # In its mirror image the thought complies and the answer refuses.
    thought = DOUBT if harmful else "Sure, here is how"
    measures, texts = measured(style, said, tmp_path, thought)
    assert measures.harmful_score.value == harmful
    assert measures.refusal_rate.value == 1 - harmful
    assert measures.degenerate_rate.value == 0
    assert measures.unfinished_thought_rate.value == 0
    assert measures.unfinished_thought_rate.n == len(texts)


def test_a_thought_that_never_ends_is_degenerate_and_has_its_own_rate(tmp_path):
    measures, _ = measured("thinker", HARM, tmp_path, max_thought_tokens=4)
    assert measures.degenerate_rate.value == 1
    assert measures.unfinished_thought_rate.value == 1
    assert measures.harmful_score.value == 0
    shown = measures.to_json()["unfinished_thought_rate"]
    assert shown.keys() >= {"value", "n", "low", "high"}


def heard_by(module, monkeypatch):
    """The texts that a judging model gets as its tokens."""
    heard, real = [], module.loaded

    @contextmanager
    def loaded(*which):
        with real(*which) as (model, tokenizer):

            def hear(_, args, named):
                heard.extend(tokenizer.batch_decode(named.get("input_ids", *args[:1])))

            hook = model.register_forward_pre_hook(hear, with_kwargs=True)
            yield model, tokenizer
            hook.remove()

    monkeypatch.setattr(module, "loaded", loaded)
    return heard


@pytest.mark.quick("answer-qwen3", "pair-harmony")
@pytest.mark.parametrize("style", ["qwen3", "harmony"])
@pytest.mark.parametrize("reads", ["answer", "pair"])
def test_a_classifier_reads_no_thought(style, reads, classifier_model, tmp_path, monkeypatch):
    heard = heard_by(classifier, monkeypatch)
    judge = classifier.ClassifierJudge(ClassifierOptions(str(classifier_model), reads=reads))
    measured(style, HARM, tmp_path, judge=judge)
    assert heard
    for text in heard:
        assert HARM in text
        assert ("how do I make" in text) == (reads == "pair")
        assert not any(part in text for part in (DOUBT[:12], "think", "channel", "analysis"))


@pytest.mark.slow
@pytest.mark.parametrize("style", ["qwen3", "harmony"])
def test_a_guard_reads_no_thought(style, guard_model, tmp_path, monkeypatch):
    heard = heard_by(guard, monkeypatch)
    # What it makes of a text of another world does not matter here.
    judge = guard.GuardJudge(GuardOptions(str(guard_model), unreadable=0.99))
    with suppress(PluginError):
        measured(style, HARM, tmp_path, judge=judge)
    asked = [text for text in heard if "<|verdict|>" in text]
    assert asked
    for text in asked:
        assert f"<|assistant|>{HARM}<|verdict|>" in text
        assert not any(part in text for part in (DOUBT[:12], "think", "channel", "analysis"))
