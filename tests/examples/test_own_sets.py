"""The package's own example sets hold what their README says."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import chain, combinations

import pytest

from modelrepair.evaluation.degeneration import degeneration
from modelrepair.examples.load import load_set
from modelrepair.judges.keyword import is_refusal
from tests.support.own_sets import (
    FOLDER,
    KINDS,
    LEAST,
    LEAST_OF_A_KIND,
    Shape,
    rows,
    runs,
    share,
    words,
)

ROLES = {"plain": "utility", "borderline": "borderline"}
PROMPT_WORDS, PROMPT_CHARACTERS = (3, 60), (15, 400)
ANSWER_WORDS, ANSWER_CHARACTERS = (15, 90), (60, 600)
OPENINGS = ("sure", "certainly", "of course", "absolutely", "i'm sorry", "sorry", "as an ai", "i ")
SYMBOLS = "°²×¿\n"
NEAR_ANSWERS = 0.1
"""Share of common runs of three words that no two answers may exceed."""

each_set = pytest.mark.parametrize("name", LEAST)


def within(bounds, size):
    return bounds[0] <= size <= bounds[1]


@each_set
def test_every_line_loads_and_no_prompt_comes_twice(name):
    loaded = load_set(FOLDER / f"{name}.jsonl", ROLES[name], answers=True)
    assert len(loaded.examples) >= LEAST[name]
    assert loaded.duplicates == 0
    assert len({example.key for example in loaded.examples}) == len(rows(name))


@each_set
def test_every_kind_has_enough_prompts(name):
    counts = Counter(row["kind"] for row in rows(name))
    assert tuple(sorted(counts)) == KINDS[name]
    assert min(counts.values()) >= LEAST_OF_A_KIND


@each_set
def test_lengths(name):
    wrong = [
        row["prompt"]
        for row in rows(name)
        if not within(PROMPT_WORDS, len(words(row["prompt"])))
        or not within(PROMPT_CHARACTERS, len(row["prompt"]))
        or not within(ANSWER_WORDS, len(words(row["response"])))
        or not within(ANSWER_CHARACTERS, len(row["response"]))
    ]
    assert wrong == []


@each_set
def test_text_is_clean(name):
    content = (FOLDER / f"{name}.jsonl").read_bytes()
    assert content.endswith(b"}\n")
    assert b"\r" not in content
    for row in rows(name):
        assert list(row) == ["kind", "prompt", "response"]
        for text in row.values():
            assert text == unicodedata.normalize("NFC", text).strip()
            assert "  " not in text
            # Quotes, dashes and spaces are ASCII; beyond it there are letters and a few symbols.
            odd = {c for c in text if not (c.isascii() and c.isprintable()) and not c.isalpha()}
            assert odd <= {*SYMBOLS}


@each_set
def test_our_judges_find_no_refusal_and_nothing_degenerate(name):
    answers = [row["response"] for row in rows(name)]
    assert [answer for answer in answers if is_refusal(answer)] == []
    assert [answer for answer in answers if degeneration(answer, hit_limit=False)] == []
    assert [answer for answer in answers if answer.lower().startswith(OPENINGS)] == []


@each_set
@pytest.mark.parametrize(
    ("part", "length", "most"),
    [
        ("prompt", 1, 0.25),
        ("prompt", 2, 0.1),
        ("prompt", 3, 0.04),
        ("response", 1, 0.15),
        ("response", 3, 0.06),
    ],
)
def test_texts_begin_in_many_ways(name, part, length, most):
    openings = Counter(tuple(words(row[part])[:length]) for row in rows(name))
    (opening, count), *_ = openings.most_common(1)
    assert count <= most * len(rows(name)), opening


def test_no_two_prompts_are_near_each_other():
    prompts = [row["prompt"] for name in LEAST for row in rows(name)]
    shapes = [(prompt, Shape(prompt)) for prompt in prompts]
    assert [(p, q) for (p, one), (q, other) in combinations(shapes, 2) if one.near(other)] == []


def test_no_two_answers_are_near_each_other():
    answers = [(row["response"], runs(row["response"], 3)) for name in LEAST for row in rows(name)]
    pairs = combinations(answers, 2)
    assert [(a, b) for (a, one), (b, other) in pairs if share(one, other) > NEAR_ANSWERS] == []


def test_the_sets_share_no_prompt():
    plain, borderline = (
        load_set(FOLDER / f"{name}.jsonl", role, answers=True).examples
        for name, role in ROLES.items()
    )
    assert {example.key for example in plain}.isdisjoint(example.key for example in borderline)


@pytest.mark.parametrize(
    "changed",
    [
        "How long should I boil an egg if I want a really soft yolk?",
        "how long do I boil an egg, if I want a soft yolk",
        "If I want a soft yolk, how long should I boil an egg?",
    ],
)
def test_a_changed_copy_of_a_prompt_is_near_it(changed):
    prompts = list(chain.from_iterable(rows(name) for name in LEAST))
    near = [row["prompt"] for row in prompts if Shape(row["prompt"]).near(Shape(changed))]
    assert near == ["How long should I boil an egg if I want a soft yolk?"]
