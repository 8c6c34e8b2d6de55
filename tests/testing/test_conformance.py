"""The classes that authors derive from."""

from __future__ import annotations

import pytest

from modelrepair.testing import ExampleSetConformance, JudgeConformance, ScorerConformance
from modelrepair.testing.conformance import Conformance
from modelrepair.testing.kinds import KINDS


class TestKeyword(JudgeConformance):
    name = "keyword"


class TestBeavertails(ExampleSetConformance):
    name = "beavertails"


@pytest.mark.parametrize("kind", KINDS)
def test_each_check_is_a_test(kind):
    base = next(each for each in Conformance.__subclasses__() if each.kind == kind)
    tests = {name for name in dir(base) if name.startswith("test_")}
    wanted = {f"test_{check.id.replace('-', '_')}" for check in KINDS[kind].checks}
    assert tests == wanted | {"test_no_check_is_replaced"}
    assert not base.__test__


@pytest.mark.parametrize("replacement", [None, lambda self: None])
def test_a_class_that_replaces_a_check_is_an_error(replacement):
    with pytest.raises(TypeError, match="TestMine replaces checks of the kit: test_documented"):
        type("TestMine", (ScorerConformance,), {"name": "x", "test_documented": replacement})


def test_a_check_that_is_taken_out_later_is_found():
    later = type("Later", (ScorerConformance,), {"name": "x"})
    later().test_no_check_is_replaced()
    later.test_documented = None
    with pytest.raises(AssertionError, match="test_documented"):
        later().test_no_check_is_replaced()


def test_the_watch_itself_can_not_be_replaced():
    with pytest.raises(TypeError, match="test_no_check_is_replaced"):
        type("Mine", (ScorerConformance,), {"name": "x", "test_no_check_is_replaced": None})


def test_a_class_without_a_name_is_an_error():
    with pytest.raises(TypeError, match="Mine names no plug-in"):
        type("Mine", (ScorerConformance,), {})


def test_a_mistyped_expectation_is_an_error():
    with pytest.raises(TypeError, match="expects 'documentd' to fail, which is no check"):
        type("Mine", (ScorerConformance,), {"name": "x", "expected_failures": {"documentd": "so"}})


def test_an_expectation_without_a_reason_is_an_error():
    with pytest.raises(TypeError, match="does not say why 'documented' is to fail"):
        type("Mine", (ScorerConformance,), {"name": "x", "expected_failures": {"documented": " "}})
