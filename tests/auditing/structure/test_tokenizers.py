"""What two tokenizers make of a text otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.structure.tokenizers import compare, ids
from tests.support.tokenizer_files import BPE, changed

WORDS = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 99), max_size=8)


@given(WORDS, WORDS)
def test_only_equal_vocabularies_do_not_differ(one, other):
    mine, its = ({"model": {"vocab": each}} for each in (one, other))
    assert (compare(mine, its).severity is None) == (one == other)
    assert compare(mine, mine).severity is None
    assert (compare(mine, its).severity == "note") == (one.items() > other.items())


@pytest.mark.parametrize(
    ("part", "value", "severity", "fact"),
    [
        ("vocab", {"a": 0, "b": 1, "ab": 2, "c": 4}, "note", "added_tokens"),
        ("vocab", {"a": 1, "b": 0, "ab": 2}, "error", "changed_ids"),
        ("vocab", {"a": 0, "b": 1}, "error", "lost_tokens"),
        ("merges", [], "error", "changed_merges"),
        ("merges", [["a", "b"]], None, None),
        ("normalizer", {"type": "NFC"}, "error", "normalizer"),
        ("pre_tokenizer", None, "error", "pre_tokenizer"),
        ("post_processor", {"type": "x"}, "warning", "post_processor"),
        ("decoder", None, "warning", "decoder"),
        ("byte_fallback", True, "error", "model"),
        ("byte_fallback", False, None, None),
        ("added_tokens", [{"id": 3, "content": "<s>"}], "warning", "changed_flags"),
        ("added_tokens", [{"id": 4, "content": "<s>", "special": True}], "error", "changed_ids"),
        ("padding", {"length": 3}, "error", "model"),
    ],
)
def test_each_part_has_its_severity(part, value, severity, fact):
    found = compare(changed(part, value), BPE)
    assert found.severity == severity, found
    assert fact is None or fact in found.facts


def test_merges_in_another_order_differ():
    two = {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4}
    one, other = (
        {"model": {"vocab": two, "merges": order}} for order in (["a b", "b c"], ["b c", "a b"])
    )
    assert compare(one, other).severity == "error"


def test_scores_of_a_unigram_model_differ_and_new_words_do_not():
    one = {"model": {"vocab": [["a", -1.0], ["b", -2.0]]}}
    assert compare({"model": {"vocab": [["a", -1.0], ["b", -3.0]]}}, one).severity == "error"
    more = {"model": {"vocab": [["a", -1.0], ["b", -2.0], ["c", -9.0]]}}
    assert compare(more, one).severity == "note"
    assert ids(more) == {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize("rubbish", [{}, {"model": 1}, {"model": {"vocab": 1, "merges": 2}},
                                     {"added_tokens": [1, {"id": "x", "content": 3}]},
                                     {"model": {"vocab": [1, ["a"], [2, 3]]}}])  # fmt: skip
def test_rubbish_is_an_empty_tokenizer(rubbish):
    assert ids(rubbish) == {}
    assert compare(rubbish, BPE).severity == "error"
