"""Filters: which rows of a set are taken, as ``column=value``."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import ExampleSetError, UsageError
from modelrepair.examples.filters import Filter, matches
from modelrepair.examples.load import SetReading, load_set


@pytest.mark.parametrize(
    ("value", "wanted", "same"),
    [(False, "False", True), ("False", "false", True), (True, "False", False), (3, "3", True),
     ("safe", "Safe", False), (None, "None", True), (["a", "b"], "b", True), (0.5, ".5", True),
     (1, "True", False)],
)  # fmt: skip
def test_a_filter_means_the_same_in_every_form(value, wanted, same):
    assert matches(value, wanted) is same


def test_filters_and_limits_of_a_file(tmp_path):
    path = tmp_path / "set.jsonl"
    rows = [
        {"prompt": f"p{n}", "response": "r", "kind": "abc"[n % 3], "tag": {"ok": n < 6}}
        for n in range(9)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def prompts(*filters, limit=None):
        reading = SetReading(filters=filters, limit=limit)
        return {e.prompt for e in load_set(path, "utility", reading=reading).examples}

    assert prompts("kind=a", "tag.ok=true") == {"p0", "p3"}
    assert prompts("kind=a", "kind=b", limit=3) == {"p0", "p1", "p3"}
    with pytest.raises(ExampleSetError, match="kind=d lets no row") as caught:
        prompts("kind=d")
    assert caught.value.hint == "kind holds a, b, c"
    with pytest.raises(UsageError, match="not column=value"):
        Filter(("kind",))


def test_values_that_are_texts_are_not_shown(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"prompt": "what no one may read " * 9, "response": "r"}))
    with pytest.raises(ExampleSetError) as caught:
        load_set(path, "utility", reading=SetReading(filters=("prompt=x",)))
    assert "no one" not in str(caught.value) + caught.value.hint
