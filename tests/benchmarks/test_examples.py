"""Examples of random words: the same tokens for who reads text and who reads numbers."""

import json

from benchmarks.examples import LONGEST, SHORTEST, read_examples, write_examples


def test_words_are_tokens_and_the_first_ones_stay(tmp_path):
    few = write_examples(5, 500, tmp_path / "few.jsonl")
    many = write_examples(40, 500, tmp_path / "many.jsonl")
    rows = [json.loads(line) for line in many.read_text().splitlines()]
    found = read_examples(many)
    assert read_examples(few) == found[:5]
    for row, (ids, start) in zip(rows, found, strict=True):
        assert SHORTEST <= len(ids) <= LONGEST and 0 < start < len(ids)
        assert row["prompt"].split() == [f"w{each}" for each in ids[:start]]
        assert max(ids) < 500
    average = sum(len(ids) for ids, _ in found) / len(found)
    assert abs(average - (SHORTEST + LONGEST) / 2) < 15
