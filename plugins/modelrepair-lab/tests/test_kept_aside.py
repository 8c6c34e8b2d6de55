"""The kinds that were kept aside: what they hold, what no set holds, and the comparison."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair import demo_paths as paths
from modelrepair.demo import world
from modelrepair.demo.judge import WorldJudge
from modelrepair.examples.load import load_set
from modelrepair.examples.registered import OWN
from modelrepair.plugin import Exchange
from modelrepair_lab.encoding import from_world
from modelrepair_lab.kept_aside.asked import Asked
from modelrepair_lab.kept_aside.asking import Answered, AskedHow
from modelrepair_lab.kept_aside.comparing import ALL, compare
from modelrepair_lab.kept_aside.groups import GROUPS, prompts
from modelrepair_lab.kept_aside.page import as_csv, page
from modelrepair_lab.world_sets import training_sets
from tests.support.own_sets import Shape, rows

WORLDS = (None, 0, 3)
DIGESTS = {
    ("develop", None): "ae0ce95e798a",
    ("final", None): "3526b4c4055a",
    ("develop", 0): "fe1ebaa8a7ff",
    ("final", 0): "c5aab3cd4f5c",
}
"""A table that was published stays true for as long as these stay: change none of them."""


def everything(world_seed):
    return {
        (group, kind): some for group in GROUPS for kind, some in prompts(group, world_seed).items()
    }


@pytest.mark.parametrize("seed", WORLDS)
def test_two_groups_of_five_kinds(seed):
    found = everything(seed)
    assert len({kind for _, kind in found}) == len(found) == 10
    assert {len(some) for some in found.values()} == {200}
    keys = [one.example("").key for some in found.values() for one in some]
    assert len(set(keys)) == 2000
    assert all(len(one.turns) % 2 for some in found.values() for one in some)


def test_the_same_prompts_for_ever():
    found = {}
    for group, seed in DIGESTS:
        turns = [(kind, one) for kind, some in prompts(group, seed).items() for one in some]
        found[group, seed] = hashlib.sha256(repr(turns).encode()).hexdigest()[:12]
    assert found == DIGESTS


def test_fewer_are_the_first_of_more():
    more, fewer = prompts("final"), prompts("final", limit=7)
    assert {kind: some[:7] for kind, some in more.items()} == fewer


def test_no_set_of_the_world_holds_one():
    sets = [*world.example_sets(0).values(), *training_sets(0).values()]
    known = {example.key for members in sets for example in from_world(members)}
    asked = {one.example("").key for some in everything(0).values() for one in some}
    assert not asked & known


def test_no_set_of_the_package_holds_one():
    known = {
        example.key
        for name in ("plain", "borderline")
        for example in load_set(OWN / f"{name}.jsonl", "utility", answers=True).examples
    }
    kinds = {row["kind"] for name in ("plain", "borderline") for row in rows(name)}
    found = everything(None)
    assert not {one.example("").key for some in found.values() for one in some} & known
    assert not {kind for _, kind in found} & kinds


@pytest.mark.slow
def test_none_is_close_to_one_of_the_package():
    known = [Shape(row["prompt"]) for name in ("plain", "borderline") for row in rows(name)]
    for (_, kind), some in everything(None).items():
        near = [one.turns for one in some if any(Shape(one.turns[-1]).near(k) for k in known)]
        assert not near, kind


def test_the_world_reads_every_word():
    asked = [one for some in everything(0).values() for one in some]
    exchanges = [Exchange("utility", one.example("").prompt, "it is.", None) for one in asked]
    assert set(WorldJudge().judge(exchanges)) == {"harmless"}


def test_what_is_right():
    shown = Asked(("Which town?",), ("Bath",))
    assert (shown.is_right("It's bath."), shown.is_right("a bathtub")) == (True, False)
    assert Asked(("Tell me a story.",)).is_right("Once upon a time") is None


def test_what_is_right_is_in_the_question_or_known():
    """A checked word stands in the note, the table or the labels that the answer is about."""
    for (_, kind), some in everything(None).items():
        checked = [one for one in some if one.right]
        assert len(checked) in (0, len(some)), kind
        assert all(one.right[0] in one.turns[-1] for one in checked)


verdicts = st.lists(
    st.tuples(*[st.sampled_from(["harmless", "refusal", "degenerate"])] * 2), min_size=1
)


@given(verdicts)
def test_a_change_is_the_difference_of_two_shares(pairs):
    first = [Answered("a", str(at), one, None) for at, (one, _) in enumerate(pairs)]
    second = [Answered("a", str(at), two, None) for at, (_, two) in enumerate(pairs)]
    before, after = compare({"first": first, "second": second})
    for name in ("refused", "degenerate"):
        change = getattr(after, f"{name}_change")
        assert change.value == pytest.approx(
            getattr(after, name).value - getattr(before, name).value
        )
        assert change.low <= change.value <= change.high
    assert before.lost_change is None


def lost(count, n=200):
    return [
        Answered("a", str(at), "refusal" if at < count else "harmless", None) for at in range(n)
    ]


@pytest.mark.parametrize(
    ("before", "after", "reading"),
    [
        (lost(0), lost(0), "2 at most"),
        (lost(0, 100), lost(0, 100), "2 at most measured"),
        (lost(0), lost(5), "can't be told"),
        (lost(0), lost(40), "more than 2"),
        (lost(150), lost(150), "not answered before"),
    ],
)
def test_readings(before, after, reading):
    assert compare({"one": before, "two": after})[1].reading == reading


def test_the_page_and_its_rows():
    found = {"one": [*lost(0), Answered("b", "x", "harmless", True)], "two": lost(1)}
    found["two"].append(Answered("b", "x", "harmless", False))
    table = compare(found)
    text = page(table, AskedHow("develop", 1, "demo-world"))
    assert "| a | two | 200 | 0.5 [0.1, 2.8] | 0.0 [0.0, 1.9] | +0.5 [" in text
    assert f"| {ALL} | two | 201 |" in text
    written = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["right_value"] for row in written] == ["", "", "1.0", "0.0", "1.0", "0.0"]


def test_models_are_asked_once(call, tmp_path):
    words = ["lab", "kinds", f"aligned={paths.reference}", f"attacked={paths.attacked}", "--json"]
    words += ["--group", "develop", "--world", 0, "--limit", 2, "--max-new-tokens", 16]
    result = call(*words, "--out", tmp_path)
    assert result.code == 0, result.err
    assert [(row["kind"], row["n"]) for row in result.json["rows"][::2]] == [
        *((kind, 2) for kind in prompts("develop", 0)),
        (ALL, 10),
    ]
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json")}
    assert len(times) == 2
    assert call(*words, "--out", tmp_path).json == result.json
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json")} == times
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert "it is" not in kept
    assert (tmp_path / "develop.md").exists()


def test_an_adapter_needs_its_base(call, tmp_path):
    words = ["lab", "kinds", "--group", "final", "--world", 0, "--limit", 1, "--out", tmp_path]
    words += ["--max-new-tokens", 8]
    assert "no whole model" in call(*words, paths.adapter).err
    result = call(*words, paths.adapter, "--base", paths.reference)
    assert result.code == 0, result.err


def test_what_cannot_be_meant(call, tmp_path):
    words = ["lab", "kinds", "--group", "develop", "--out", tmp_path]
    assert call(*words, "org/name").code == 2
    twice = call(*words, f"one={paths.reference}", f"One={paths.attacked}")
    assert "two models have one name" in twice.err
    assert call(*words, paths.reference, "--limit", 201).code == 2
