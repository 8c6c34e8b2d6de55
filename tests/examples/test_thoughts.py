"""Thoughts are separated from answers, and are where a model has them."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.errors import ExampleSetError
from modelrepair.examples.example import Example, Message, make_set
from modelrepair.examples.load import load_set
from modelrepair.examples.splits import Split, Splits
from modelrepair.examples.template import Template
from modelrepair.examples.template_fit import fit
from modelrepair.examples.thoughts import KNOWN, Thoughts, find_thoughts
from modelrepair.progress import Notes
from tests.support.chat_tokenizers import QWEN3, TEMPLATES, make_tokenizer

# Asked not to think it shows an empty thought, and a finished turn has none.
SMOL = QWEN3.replace("{% if loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}", "")
# Opens a thought; a finished turn has an empty one.
OPENS = QWEN3.replace("{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}",
                      "{% endif %}{{ '<think>\n' }}{% endif %}")  # fmt: skip
COHERE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|><|START_RESPONSE|>"
    "{{ m.content }}<|END_RESPONSE|><|end|>{% else %}<|user|>{{ m.content }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>"
    "{% if enable_thinking is false %}<|START_THINKING|><|END_THINKING|>{% endif %}{% endif %}"
)
MORE = {"smol": SMOL, "opens": OPENS, "cohere": COHERE}
CHANNELS = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>"


@cache
def template(style: str) -> Template:
    tokenizer = make_tokenizer(style if style in TEMPLATES else "chatml")
    tokenizer.chat_template = MORE.get(style, tokenizer.chat_template)
    return Template(tokenizer)


def ask(text: str, response: str | None = None, thought: str | None = None) -> Example:
    return Example((Message("user", text),), response, thought=thought)


def laid_out(style: str, thought: str | None = None) -> tuple[str, str]:
    made = template(style)
    pair = made.pair(ask("how <think>?", "the answer", thought))
    assert pair.cut == 0
    parts = pair.ids[: pair.answer_start], pair.ids[pair.answer_start :]
    before, after = (made.decode(ids, special=True) for ids in parts)
    return before.rsplit("how <think>?")[-1], after


@pytest.mark.quick("qwen3-*", "harmony-*", "chatml-*")
@pytest.mark.parametrize(
    ("style", "before"),
    [
        ("qwen3", "<think>\n\n</think>\n\n"),
        ("smol", "<think>\n\n</think>\n\n"),
        ("opens", "<think>\n\n</think>\n\n"),
        ("thinker", "<|assistant|><think>\n\n</think>\n\n"),
        ("harmony", "<|channel|>final<|message|>"),
        ("cohere", "<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>"),
        ("chatml", "<|im_start|>assistant\n"),
    ],
)
def test_pairs_have_an_empty_thought_where_the_template_has_or_opens_one(style, before):
    prompt, answer = laid_out(style)
    assert prompt.endswith(before)
    assert prompt.count("think") == before.count("think")
    assert answer.lstrip().startswith("the answer")


@pytest.mark.parametrize(
    ("style", "before", "thought"),
    [
        ("qwen3", "<|im_start|>assistant\n<think>\n", "{}\n</think>\n\n"),
        ("smol", "<|im_start|>assistant\n<think>\n", "{}\n</think>\n\n"),
        ("opens", "<|im_start|>assistant\n<think>\n", "{}\n</think>\n\n"),
        ("thinker", "<|assistant|><think>\n", "{}\n</think>\n\n"),
        ("harmony", "<|end|><|start|>assistant", CHANNELS),
        (
            "cohere",
            "<|assistant|><|START_THINKING|>",
            "{}<|END_THINKING|><|START_RESPONSE|>",
        ),
    ],
)
def test_an_examples_own_thought_is_learnt_with_its_answer(style, before, thought):
    prompt, reply = laid_out(style, " to be, or not ")
    answer = laid_out(style)[1]
    assert prompt.endswith(before)
    assert reply == thought.format("to be, or not") + answer
    # An answer that another model gave has not its thought.
    made, example = template(style), ask("how?", "the answer", "to be")
    other = made.pair(example, "so")
    assert other.ids[: other.answer_start] == tuple(made.prompt_ids(example))


@pytest.mark.parametrize(
    ("style", "before", "opened"),
    [
        ("qwen3", "<think>\n\n</think>\n\n", False),
        ("smol", "<think>\n\n</think>\n\n", False),
        ("opens", "<|im_start|>assistant\n<think>\n", True),
        ("thinker", "<|assistant|><think>\n", True),
        ("harmony", "<|start|>assistant", False),
        ("cohere", "<|START_THINKING|><|END_THINKING|>", False),
        ("chatml", "<|im_start|>assistant\n", False),
        ("llama2", "[/INST]", False),
    ],
)
def test_a_model_is_asked_as_everybody_asks_it(style, before, opened):
    made = template(style)
    assert made.decode(made.asked_ids(ask("how <think>?")), special=True).endswith(before)
    assert made.thoughts.opened is opened


@pytest.mark.parametrize("marks", KNOWN, ids=lambda marks: marks.open)
def test_every_known_mark(marks):
    thoughts = Thoughts()
    inner = f"{marks.open}{marks.before}i cannot{marks.after}{marks.close}{marks.gap}"
    assert thoughts.part(f"{inner}Sure").answer.strip() == "Sure"
    assert thoughts.part(f"\n{inner}{inner}Sure").answer.strip() == "Sure"
    assert thoughts.part(f"{marks.open}{marks.before}i cannot").unfinished is True
    assert find_thoughts([marks.close]).marks[-1].close in marks.close
    assert thoughts.part(f"It says {marks.open} here.").unfinished is None


@pytest.mark.parametrize(
    ("reply", "answer", "unfinished"),
    [
        ("Sure.", "Sure.", None),
        ("", "", None),
        ("Okay. <think>i cannot</think>Sure.", "Okay. Sure.", False),
        ("Okay. <think>i cannot", "Okay. ", True),
        ("i cannot</think>Sure.", "Sure.", False),
        ("<think>no</think>Sure, </think> I can't.", "Sure, </think> I can't.", False),
        ("<think>no</think>", "", False),
        ("<think>a <think> b</think>Sure.", "Sure.", False),
    ],
)
def test_the_parts_of_a_reply(reply, answer, unfinished):
    parted = Thoughts(KNOWN[:1]).part(reply)
    assert (parted.answer, parted.unfinished) == (answer, unfinished)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", " ", "<", "think>"])), st.booleans())
def test_any_reply_has_an_end(pieces, opened):
    reply = "".join(pieces)
    parted = Thoughts(KNOWN[:1], opened).part(reply)
    if parted.unfinished is None:
        assert parted.answer == reply
    assert len(parted.answer) <= len(reply)


def test_a_row_gives_its_thought(tmp_path):
    rows = [
        {"prompt": "a", "response": "b", "thought": " c "},
        {"prompt": "d", "response": "<think>\ne\n</think>\n\nf"},
        {"prompt": "g", "response": "h", "thought": ""},
    ]
    path = tmp_path / "u.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {e.prompt: (e.thought, e.response) for e in load_set(path, "utility").examples}
    assert found == {"a": ("c", "b"), "d": ("e", "f"), "g": (None, "h")}
    path.write_text(json.dumps({"prompt": "a", "response": "b", "thought": 3}))
    with pytest.raises(ExampleSetError, match='"thought" is a number'):
        load_set(path, "utility")


def test_a_thought_is_part_of_what_an_example_is():
    plain, thoughtful = ask("a", "b"), ask("a", "b", "c")
    assert (plain.key, plain.digest) != (thoughtful.key, thoughtful.digest)
    assert plain.key == thoughtful.key
    one, two = (make_set("utility", "x", [each]) for each in (plain, thoughtful))
    assert one.digest != two.digest


def test_thoughts_that_a_model_has_no_place_for_are_counted():
    made = Template(make_tokenizer("chatml"))
    made.thoughts = Thoughts()  # the tokenizer of these tests knows <|channel|>
    notes = Notes()
    split = Split((ask("a", "b", "c"),), (), (ask("d", "e"),))
    assert fit(Splits({"utility": split}, {}, ()), made, notes)["utility"] == split
    assert notes.warnings == [
        "the model has no marks for thoughts: 1 of 2 examples of the utility set are read "
        "without theirs"
    ]
    assert made.pair(ask("a", "b", "c")).ids == made.pair(ask("a", "b")).ids
