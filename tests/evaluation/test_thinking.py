"""Thoughts have room of their own, and no judge sees them."""

from __future__ import annotations

import random
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import torch

from modelrepair.errors import PluginError
from modelrepair.evaluation.generation import generate
from modelrepair.evaluation.thinking import Asking, Watch, _Row, room_of
from modelrepair.examples.template import Template
from modelrepair.examples.thoughts import KNOWN
from modelrepair.judges import classifier, guard
from modelrepair.judges.options import ClassifierOptions, GuardOptions
from tests.support.asked import ask, template
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


def said_by(rng, tokenizer):
    """A reply of thoughts, halves of their marks, white space and words, of any length."""
    marks = [mark for each in KNOWN for mark in (each.open, each.close)]
    pieces = [*marks, *(mark[:3] for mark in marks), " ", "\n\n", "ok", "é", "</s>", "🙂 so"]
    begun = rng.choice(["", " ", "<rea", "<think>", "<reasoning>", "<|channel|>"])
    middle = "".join(rng.choices([*pieces[-6:], "yes "], k=rng.randrange(40)))
    said = "".join(rng.choices(pieces, k=rng.randrange(8)))
    return tokenizer(begun + middle + said + middle, add_special_tokens=False).input_ids


@pytest.mark.quick("qwen3", "thinker")
@pytest.mark.parametrize("style", ["qwen3", "thinker", "chatml", "harmony", "llama2"])
def test_rows_end_as_if_each_token_were_read_as_it_comes(style):
    made, rng = template(style), random.Random(style)
    for limits in [(1, 0), (3, 9), (9, 3), (20, 50), (60, 30), (64, 200)] * 2:
        room = room_of(made, *limits)
        replies = [said_by(rng, made.tokenizer) for _ in range(5)]
        longest = max(map(len, replies)) + 1
        ids = torch.tensor([[7, 7] + each + [0] * (longest - len(each)) for each in replies])
        watch, singly = Watch(room, 5, 2), [_Row(room) for _ in replies]
        for end in range(3, 3 + longest):
            for row, token in zip(singly, ids[:, end - 1].tolist(), strict=True):
                row.done = row.done or row.takes(token)
            assert watch(ids[:, :end], None).tolist() == [row.done for row in singly]
        assert watch.cut(ids[:, 2:].tolist()) == [row.tokens for row in singly]


@pytest.mark.parametrize("style", ["qwen3", "chatml"])
def test_a_reply_that_ends_before_its_limit_is_not_looked_at(style):
    looks = []
    room = replace(room_of(template(style), 8, 9), decode=lambda ids: looks.append(ids) or "so")
    watch = Watch(room, 2, 3)
    for end in range(1, 8):
        assert not watch(torch.ones(2, 3 + end, dtype=int), None).any()
    assert not looks
    assert watch(torch.ones(2, 11, dtype=int), None).all()
    assert len(looks) == 4  # a whole reply, and its newest tokens


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
