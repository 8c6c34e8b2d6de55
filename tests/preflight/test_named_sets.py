"""The example sets as they were named, each with how its rows are read."""

from __future__ import annotations

from modelrepair.examples.keys import SetKey
from modelrepair.preflight.named_sets import NamedSet, named_sets, shown_name
from modelrepair.settings.settings import Settings


def test_a_test_set_is_read_as_its_role_says():
    named = named_sets(
        Settings(
            "m",
            refusal="none",
            test_utility="mine.jsonl",
            utility_columns={"prompt": "question"},
            utility_filter=("safe=true",),
            utility_limit=7,
        )
    )
    assert {*named} == {
        SetKey.REALIGN,
        SetKey.UTILITY,
        SetKey.BORDERLINE,
        SetKey.TEST_UTILITY,
    }
    mine = named[SetKey.TEST_UTILITY]
    assert mine == NamedSet("mine.jsonl", named[SetKey.UTILITY].reading)
    assert (mine.reading.filters, mine.reading.limit) == (("safe=true",), 7)
    assert mine.reading.columns == {"prompt": "question"}
    assert named[SetKey.REALIGN].reading.limit is None


def test_a_set_is_shown_without_its_folders():
    named = {SetKey.REALIGN: NamedSet("/home/me/mine.jsonl")}
    assert shown_name(named, SetKey.REALIGN) == "mine.jsonl"
    assert shown_name(named, SetKey.TEST_REFUSAL) == "refusal"
