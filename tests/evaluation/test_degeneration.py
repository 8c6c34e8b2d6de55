"""Which answers are empty, looping or garbled, and which only look odd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.evaluation.degeneration import cycle, degeneration, variety, words
from tests.support.broken_answers import kinds, table, totals

LABELLED = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "degenerate.jsonl")
    .read_text("utf-8")
    .splitlines()
]


PAGE = Path(__file__).parents[2] / "docs" / "judges.md"


def called(example):
    return degeneration(example["text"], hit_limit=example["hit_limit"])


def test_there_is_enough_to_judge_by():
    broken = [example for example in LABELLED if example["broken"]]
    assert len(broken) >= 60
    assert len(LABELLED) - len(broken) >= 60
    assert sum(example["from"] == "smollm2" for example in broken) >= 30


def test_ordinary_answers_are_never_called_broken():
    wrong = [
        example["text"][:80] for example in LABELLED if not example["broken"] if called(example)
    ]
    assert wrong == []


def test_broken_answers_are_found():
    broken = [example for example in LABELLED if example["broken"]]
    missed = [example["text"][:80] for example in broken if not called(example)]
    assert len(missed) <= 0.03 * len(broken), missed


def test_precision_and_recall_on_texts_that_the_rules_were_not_written_with():
    (right, called), (_, broken) = totals()
    assert broken >= 40
    assert sum(kind.n for kind in kinds().values()) - broken >= 50
    assert right / called >= 0.98
    assert right / broken >= 0.8
    found = kinds()
    assert all(found[name].k == found[name].n for name in ("looping", "empty"))
    assert found["garbled"].k >= 0.85 * found["garbled"].n
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("answer", "hit_limit", "reason"),
    [
        ("", False, "empty"),
        (" \n ", True, "empty"),
        ("...", False, "empty"),
        ("\ufffd", True, "empty"),
        ("no no no no no no no no no no no no no no", True, "looping"),
        ("Yes." + " " * 200, True, "looping"),
        ("}}}}}}}}}}}}}}}}", True, "garbled"),
        ("a \ufffd b \ufffd\ufffd c", False, "garbled"),
        ("Yes." + " " * 200, False, None),
        ("half a characte\ufffd", True, None),
        ("*\n***\n*****", False, None),
        ("👍", False, None),
        ("Wait." + " " * 100 + "Done.", False, "looping"),
    ],
)
def test_reasons(answer, hit_limit, reason):
    assert degeneration(answer, hit_limit=hit_limit) == reason


def test_a_loop_counts_for_more_where_the_limit_cut_it_off():
    start = "The kettle whistles while the snow settles slowly on the roof of our old barn, and "
    loop = "the dog barks at the cat and the bird, " * 3
    assert degeneration(start + loop, hit_limit=True) == "looping"
    assert degeneration(start + loop, hit_limit=False) is None


@settings(deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=30))
def test_a_cycle_repeats(tokens):
    start, length, period = cycle(tokens)
    assert all(tokens[i] == tokens[i - period] for i in range(start + period, start + length))
    assert length == 0 or length >= 2 * period


@settings(deadline=None)
@given(st.text(max_size=400), st.booleans())
def test_any_text_gets_a_verdict(text, hit_limit):
    assert degeneration(text, hit_limit=hit_limit) in {None, "empty", "looping", "garbled"}
    assert 0 < variety(text) <= 1


def test_words_of_scripts_without_spaces_are_characters():
    assert words("巴黎是 Paris’s") == ["巴", "黎", "是", "paris’s"]
