"""Names written as ranges: exact both ways, short where they differ in a number, and bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.name_ranges import (
    MOST_TENSORS,
    fold,
    fold_keys,
    fold_sites,
    unfold,
    unfold_keys,
    unfold_sites,
)
from modelrepair.artifact.reading import reading_of
from modelrepair.errors import DamagedCheckpointError
from tests.support.small_repairs import draft

NAMES = st.lists(
    st.one_of(
        st.text("ab{}.,-#0123", max_size=8),
        st.builds("h.{}.experts.{}.w1".format, st.integers(0, 3), st.integers(0, 30)),
    ),
    unique=True,
)


def experts(count: int, masked: int = 0, tokens: int = 0):
    """The records of so many experts, of which the first ones are masked and saw tokens."""
    return [
        {
            "name": f"h.0.experts.{number}.w1",
            "kind": "experts.gate_proj",
            "block": 0,
            "shape": (4, 8),
            "entries": 32,
            "masked": int(number < masked),
            "norm_removed": (number + 1) / 1000 if number < masked else 0.0,
            "digest": None,
            "tokens": {"realign": {number: int(number < tokens)}},
        }
        for number in range(count)
    ]


@given(NAMES)
def test_every_name_comes_back(names):
    folded = fold(names)
    assert sorted(name for some in unfold(folded) for name in some.values()) == sorted(names)
    reasons = {name: name[:1] for name in names}
    assert unfold_keys(json.loads(json.dumps(fold_keys(reasons)))) == reasons


@given(NAMES, st.data())
def test_every_record_comes_back(names, data):
    sites = []
    for name in names:
        counts = data.draw(st.dictionaries(st.integers(0, 30), st.integers(0, 2), max_size=2))
        masked = data.draw(st.integers(0, 1))
        sites.append({"name": name, "masked": masked, "tokens": {"realign": counts}})
    folded = fold_sites(sites)
    again = json.loads(json.dumps(folded))
    for found in (unfold_sites(folded), unfold_sites(again)):
        by_name = {site["name"]: site for site in found}
        assert len(found) == len(sites) and by_name.keys() == set(names)
        for site in sites:
            tokens = by_name[site["name"]]["tokens"]["realign"]
            assert {int(key): count for key, count in tokens.items()} == site["tokens"]["realign"]
            assert by_name[site["name"]]["masked"] == site["masked"]


def size_of(sites, **more) -> int:
    made = draft(sites=sites, **more)
    text = json.dumps(made.model_dump(mode="json"), indent=2)
    assert Manifest.model_validate_json(text).model_dump() == made.model_dump()
    read = reading_of(json.loads(text)).manifest
    assert read is not None and {site.name for site in read.sites} == {s["name"] for s in sites}
    assert {site.name: site for site in read.sites} == {site.name: site for site in made.sites}
    return len(text)


def test_a_manifest_is_as_large_as_what_was_masked_and_routed():
    few, many = (size_of(experts(count, masked=3, tokens=9)) for count in (20, 2_000))
    assert many < few + 100
    assert size_of(experts(20, masked=20)) > few + 3000
    reasons = ({f"h.0.experts.{n}.w1": "unseen" for n in range(count)} for count in (2, 2_000))
    short, long = (size_of(experts(2), skipped=fold_keys(each)) for each in reasons)
    assert long < short + 100


@pytest.mark.parametrize("name", ["x.{0-1}.w", "x.{0}.w", "x.{{0-1}}.w", "{}"])
def test_braces_of_a_tensor_s_own_name_come_back_from_the_file(name):
    made = draft(sites=[{**experts(1)[0], "name": name.replace("{", "{{").replace("}", "}}")}])
    assert [site.name for site in made.sites] == [name]
    read = reading_of(json.loads(made.model_dump_json())).manifest
    assert [site.name for site in read.sites] == [name]


@pytest.mark.parametrize("name", ["x.{0-1000000}", "x.{0-999999999,3}"])
def test_a_range_without_end_is_refused_at_once(name):
    with pytest.raises(ValueError, match=str(MOST_TENSORS)):
        list(unfold([name]))
    with pytest.raises(ValueError, match=str(MOST_TENSORS)):
        list(unfold(["x.{0-600000}", "y.{0-600000}"]))
    document = draft(sites=experts(1)).model_dump(mode="json")
    for change in ({"sites": [{**document["sites"][0], "name": name}]}, {"skipped": {name: "?"}}):
        with pytest.raises(DamagedCheckpointError, match="tensors are named"):
            reading_of(document | change)


@pytest.mark.parametrize("key", ["0-999999999", "1,1,1", "x", ""])
def test_tokens_of_experts_that_are_not_named_are_refused(key):
    document = draft(sites=experts(2)).model_dump(mode="json")
    document["sites"][-1]["tokens"] = {"realign": {key: 7}}
    assert "{" in document["sites"][-1]["name"]
    with pytest.raises(DamagedCheckpointError, match="tokens of experts"):
        reading_of(document)


@pytest.mark.parametrize("sites", [None, 3, [3], [{}], [{"name": 3}], [{"name": "x.{1-2}"}]])
def test_what_is_no_record_is_left_to_the_schema(sites):
    document = draft(sites=experts(1)).model_dump(mode="json")
    with pytest.raises(DamagedCheckpointError, match="sites"):
        reading_of(document | {"sites": sites})
