"""The list of models that an audit looks at: each once, in order, and in n parts for n machines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.targets import Shard, expand, lines_of
from modelrepair.errors import HubError, UsageError
from tests.support.hub.faults import Fault

NAMES = st.lists(st.text("abc/", min_size=1, max_size=6), min_size=1)


@settings(max_examples=40, deadline=None)
@given(NAMES, st.integers(1, 7))
def test_the_parts_are_the_list_and_share_no_model(names, of):
    parts = [expand(names, shard=Shard(number, of)) for number in range(1, of + 1)]
    assert sorted(name for part in parts for name in part) == sorted(set(names))
    assert all(part == [name for name in expand(names) if name in part] for part in parts)


@settings(max_examples=40, deadline=None)
@given(NAMES, st.integers(1, 7), st.randoms())
def test_a_part_does_not_depend_on_the_order_of_the_list(names, of, random):
    mixed = random.sample(names, len(names))
    assert set(expand(names, shard=Shard(1, of))) == set(expand(mixed, shard=Shard(1, of)))


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "a/b", "1/2/3", "-1/2", "1/0"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(UsageError, match="no part of a list") as error:
        Shard.parse(text)
    assert "1/8" in error.value.hint


def test_lines_with_rubbish_in_them_stay_for_the_list_to_report():
    assert lines_of("user/a\r\n  \n# c\nnot a name\nuser/b # why\n") == [
        "user/a",
        "not a name",
        "user/b",
    ]


@pytest.fixture
def models(hub):
    for id in ("org/a", "org/b", "other/c"):
        hub.add(id, {"README.md": f"---\ntags:\n- {id[-1]}\n---\n".encode()})
    return hub


def test_all_models_of_an_organisation_after_those_that_are_named(models):
    assert expand(["x", "org/b"], authors=["org"]) == ["x", "org/b", "org/a"]


def test_a_long_list_comes_in_pages(models):
    models.page = 1
    assert expand([], authors=["org"]) == ["org/a", "org/b"]


def test_models_with_a_tag(models):
    assert expand([], tags=["c"]) == ["other/c"]
    assert expand([], authors=["org"], tags=["b"]) == ["org/b"]


def test_an_account_without_models_is_one_line(models):
    with pytest.raises(UsageError, match="the Hub lists no model of nothing") as error:
        expand([], authors=["nothing"])
    assert error.value.id == "nothing-to-audit"


def test_nothing_is_named():
    with pytest.raises(UsageError, match="nothing to look at"):
        expand([])


def test_a_hub_that_fails_is_a_hub_error(models):
    models.faults.append(Fault("GET", "/api/models", status=500))
    with pytest.raises(HubError):
        expand([], authors=["org"])
