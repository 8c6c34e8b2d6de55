"""Kinds of benign prompts: read from their column, cut kind by kind, asked beyond the caps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.demo import paths
from modelrepair.errors import ExampleSetError
from modelrepair.examples.load import Example, Message, SetReading, load_set, make_set
from modelrepair.examples.splits import split_sets
from modelrepair.preflight.sets import load_sets
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from tests.support.set_files import write_jsonl


def some(name, counts, id=None, start=0):
    """A set with so many prompts of each kind."""
    made, number = [], start
    for kind, count in counts.items():
        for _ in range(count):
            made.append(Example((Message("user", f"{kind} {number}"),), "answer", kind=kind))
            number += 1
    return make_set(name, id or f"{name}.jsonl", made)


HARMFUL = some("realign", {None: 20}, start=10**6)


def cut(**options):
    return split_sets(HARMFUL, kinds=60, **options)


def counts(splits):
    return {
        kind.name: (len(splits.reported(kind)), len(kind.asked)) for kind in splits.kinds
    }  # fmt: skip


def test_a_row_names_its_kind_and_only_a_benign_one(tmp_path):
    path = write_jsonl(
        tmp_path / "a.jsonl",
        [
            {"prompt": "a", "response": "x", "kind": " how-to "},
            {"prompt": "b", "response": "x", "kind": None},
            {"prompt": "c", "response": "x", "kind": 3},
            {"prompt": "d", "response": "x", "kind": "a long sentence that is a remark, no kind"},
        ],
    )
    kinds = {each.prompt: each.kind for each in load_set(path, "utility").examples}
    assert kinds == {"a": "how-to", "b": None, "c": None, "d": None}
    assert {each.kind for each in load_set(path, "realign").examples} == {None}
    rows = write_jsonl(tmp_path / "b.jsonl", [{"prompt": "a", "topic": "law"}])
    reading = SetReading(columns={"kind": "topic"})
    assert load_set(rows, "borderline", reading=reading).examples[0].kind == "law"
    with pytest.raises(ExampleSetError, match='"kind" is no short name'):
        load_set(path, "utility", reading=SetReading(columns={"kind": "kind"}))


def test_each_kind_of_150_rows_has_its_60_report_examples():
    splits = cut(utility=some("utility", dict.fromkeys("abcd", 150)))
    assert counts(splits) == dict.fromkeys("abcd", (60, 0))
    assert [len(splits["utility"].part(part)) for part in ("score", "select", "report")] == [
        240, 120, 240,
    ]  # fmt: skip
    assert sum(len(kind.asked) for kind in splits.kinds) == 0


def test_what_the_caps_leave_out_is_asked_besides():
    splits = cut(utility=some("utility", dict.fromkeys("abcdefgh", 200)))
    assert len(splits["utility"].report) == 256
    found = counts(splits)
    assert all(sum(each) == 60 for each in found.values()) and len(found) == 8
    reported = sum(each[0] for each in found.values())
    assert sum(len(kind.asked) for kind in splits.kinds) == 8 * 60 - reported


def test_a_small_kind_has_what_there_is():
    assert counts(cut(utility=some("utility", {"a": 300, "b": 10, None: 50}))) == {
        "a": (120, 0),
        "b": (4, 0),
    }


def test_kinds_of_a_test_set_are_reported_from_it():
    tested = cut(
        utility=some("utility", {"a": 30, "b": 30}),
        test_utility=some("utility", {"a": 70, "b": 80}, start=500),
    )
    assert counts(tested) == {"a": (70, 0), "b": (80, 0)}
    assert len(tested["utility"].score) == 40
    kept_back = cut(
        utility=some("utility", {"a": 200}), test_utility=some("utility", {None: 50}, start=500)
    )
    assert counts(kept_back) == {"a": (0, 60)} and len(kept_back["utility"].report) == 50


def test_own_sets_are_asked_beside_the_given_ones():
    own = some("utility", {"a": 100, "b": 20}, id="plain")
    splits = cut(utility=some("utility", {"a": 150, "c": 150}, start=40), beside=[own])
    # "a" is in both: 60 of its prompts in the given set are not asked twice.
    assert counts(splits) == {
        "a (utility)": (60, 0), "a (plain)": (0, 40), "c": (60, 0), "b": (0, 20),
    }  # fmt: skip
    splits = cut(utility=own, beside=[own])
    assert set(counts(splits)) == {"a", "b"}


def test_none_is_asked_where_none_is_wanted():
    kinds = some("utility", {"a": 150, "b": 7})
    off = split_sets(HARMFUL, utility=kinds, beside=[some("borderline", {"c": 99}, start=500)])
    assert off.kinds == () and len(off["utility"].report) == 63
    assert {each.kind for each in off["utility"].report} == {None}


@settings(max_examples=20)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(1, 90), st.booleans())
def test_report_rows_of_kinds_are_disjoint_from_what_scores_and_selects(sizes, wanted, tested):
    kinds = dict(zip("abcdef", sizes, strict=False))
    more = {"test_utility": some("utility", {None: 9}, start=10**5)} if tested else {}
    splits = split_sets(
        HARMFUL, utility=some("utility", {**kinds, None: 5}), kinds=wanted, **more
    )  # fmt: skip
    seen = {each.key for part in ("score", "select") for each in splits["utility"].part(part)}
    asked = [each.key for kind in splits.kinds for each in kind.asked]
    reported = [each.key for each in splits["utility"].report]
    assert not seen & {*asked, *reported} and len({*asked, *reported}) == len(asked) + len(reported)
    for kind in splits.kinds:
        mine = len(splits.reported(kind)) + len(kind.asked)
        assert mine >= min(wanted, sizes["abcdef".index(kind.name)] * 4 // 10)


def test_a_run_without_measures_asks_no_kinds():
    settings = Settings("m", realign=str(paths.sets["realign"]), evaluate=False, ratio=0.01)
    assert load_sets(settings, Notes()).splits.kinds == ()
