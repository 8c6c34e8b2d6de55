"""No prompt is in two parts, quotas are exact, and the order of the files is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.errors import ExampleSetError
from modelrepair.examples.load import Example, Message, make_set
from modelrepair.examples.splits import split_sets

PARTS = ("score", "select", "report")


def some(name, numbers, answer="answer"):
    return make_set(
        name,
        f"{name}.jsonl",
        (Example((Message("user", f"prompt {n}"),), f"{answer} {n}") for n in numbers),
    )


def keys(examples):
    return {example.key for example in examples}


def sizes(split):
    return tuple(len(split.part(part)) for part in PARTS)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (3, (1, 1, 1)),
        (5, (2, 1, 2)),
        (10, (4, 2, 4)),
        (101, (40, 21, 40)),
        (640, (256, 128, 256)),
        (1000, (256, 128, 256)),
    ],
)
def test_quotas_and_caps(count, expected):
    assert sizes(split_sets(some("realign", range(count)))["realign"]) == expected


def test_the_parts_follow_the_hash_order():
    split = split_sets(some("realign", range(50)))["realign"]
    order = [example.key for part in PARTS for example in split.part(part)]
    assert order == sorted(order)


def test_the_number_of_scoring_examples_changes_nothing_else():
    few = split_sets(some("realign", range(700)), examples=32)["realign"]
    many = split_sets(some("realign", range(700)), examples=10_000)["realign"]
    assert sizes(few) == (32, 128, 256)
    assert sizes(many) == (280, 128, 256)
    assert (few.select, few.report) == (many.select, many.report)


def test_a_test_set_is_reported_whole_and_the_rest_cut_in_three():
    splits = split_sets(
        some("realign", range(90)),
        test_realign=some("realign", range(1000, 1400)),
        utility=some("utility", range(200, 300)),
    )
    assert sizes(splits["realign"]) == (60, 30, 400)
    assert sizes(splits["utility"]) == (40, 20, 40)
    assert splits.dropped == {}


def test_a_prompt_of_a_set_and_its_test_set_stays_in_the_test_set():
    splits = split_sets(some("realign", range(90)), test_realign=some("realign", range(80, 100)))
    assert sizes(splits["realign"]) == (53, 27, 20)
    assert splits.dropped == {"realign": 10}


def test_prompts_of_two_families_stay_in_the_first():
    splits = split_sets(
        some("realign", range(50)),
        some("refusal", range(40, 60), "no"),
        some("utility", range(90, 260)),
        some("borderline", range(55, 100)),
        test_utility=some("utility", range(95, 200)),
        test_realign=some("realign", range(145, 150)),
    )
    # Test sets are of their family: 145…149 are harmful, 90…99 are borderline's.
    assert splits.dropped == {"borderline": 5, "test_utility": 10, "utility": 110}


def test_realign_and_refusal_share_prompts_and_parts():
    splits = split_sets(some("realign", range(60)), some("refusal", range(30, 90), "no"))
    for part in PARTS:
        family = splits.harmful(part)
        realign, refusal = splits["realign"].part(part), splits["refusal"].part(part)
        assert keys(family) == keys(realign) | keys(refusal)
        assert len(family) == len(keys(family))
        assert {e for e in family if e.response is not None} == set(realign)
    assert [len(splits.harmful(part)) for part in PARTS] == [36, 18, 36]


def test_a_test_set_without_its_set_is_reported_alone():
    splits = split_sets(
        some("realign", range(60)), test_borderline=some("borderline", range(70, 80))
    )
    assert sizes(splits["borderline"]) == (0, 0, 10)
    splits = split_sets(some("realign", range(60)), test_refusal=some("refusal", range(70, 80)))
    assert (sizes(splits["realign"]), sizes(splits["refusal"])) == ((40, 20, 0), (0, 0, 10))
    assert [example.response for example in splits.harmful("report")] == [None] * 10


def test_a_set_that_is_all_of_another_is_an_error():
    with pytest.raises(ExampleSetError, match="every prompt of the utility set"):
        split_sets(some("realign", range(9)), utility=some("utility", range(5)))


def test_a_set_that_can_not_be_cut_is_an_error():
    with pytest.raises(ExampleSetError, match="leaves nothing to score with: 1 prompt"):
        split_sets(some("realign", range(1)))


def test_warnings_name_the_pool_and_the_part():
    assert (
        split_sets(some("realign", range(125)), utility=some("utility", range(200, 325))).warnings
        == ()
    )
    small = split_sets(
        some("realign", range(124)),
        utility=some("utility", range(200, 260)),
        borderline=some("borderline", range(300, 365)),
    )
    assert small.warnings == (
        "only 24 harmful prompts in select, 25 wanted: the search may choose badly; "
        "give --realign realign.jsonl 125 rows",
    )
    tiny = split_sets(some("realign", range(10)), utility=some("utility", range(20, 30)))
    assert [line.split(":")[0] for line in tiny.warnings] == [
        "only 2 harmful prompts in select, 25 wanted",
        "only 4 harmful prompts in report, 50 wanted",
        "only 2 benign prompts in select, 25 wanted",
        "only 4 benign prompts in report, 50 wanted",
    ]


numbers = st.sets(st.integers(0, 60), min_size=3, max_size=40)


@given(numbers, numbers, numbers, numbers, st.randoms())
def test_parts_are_disjoint_exhaustive_and_blind_to_order(one, two, three, four, random):
    def given_sets(shuffle):
        order = random.sample if shuffle else lambda items, _: items
        names = ("realign", "refusal", "utility", "borderline")
        return [
            some(n, order(sorted(s), len(s)), n)
            for n, s in zip(names, (one, two, three, four), strict=True)
        ]

    try:
        splits = split_sets(*given_sets(False))
    except ExampleSetError:
        with pytest.raises(ExampleSetError):
            split_sets(*given_sets(True))
        return
    assert splits == split_sets(*given_sets(True))
    found = [
        key
        for name in ("utility", "borderline")
        for p in PARTS
        for key in keys(splits[name].part(p))
    ]
    found += [example.key for part in PARTS for example in splits.harmful(part)]
    assert len(found) == len(set(found)) == len(one | two | three | four)
    lost = sum(splits.dropped.values())
    assert lost == len(one | two) + len(three) + len(four) - len(found)
