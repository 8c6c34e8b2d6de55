"""The options of judges that are models: numbers that can't be meant are refused."""

from __future__ import annotations

from dataclasses import fields

import pytest

from modelrepair.judges.options import ClassifierOptions, GuardOptions, ModelOptions


@pytest.mark.parametrize(
    "options", [{"batch": 0}, {"max_length": 1}, {"threshold": 1.0}, {"form": "USER: {prompt}"}]
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ClassifierOptions("org/judge", **options)


@pytest.mark.parametrize(
    "options",
    [{"batch": 0}, {"max_length": 7}, {"max_thought_tokens": 0}]
    + [{"unreadable": share} for share in (-0.01, 1.0)],
)
def test_numbers_of_a_guard_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        GuardOptions("org/guard", **options)


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 1.5])
def test_a_threshold_that_decides_nothing_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold lies between 0 and 1"):
        ClassifierOptions("org/judge", threshold=threshold)


def test_the_numbers_at_the_edge_are_taken():
    assert ModelOptions("org/judge", batch=1, max_length=8).max_length == 8
    guard = GuardOptions("org/guard", batch=1, max_length=8, max_thought_tokens=1, unreadable=0.0)
    assert (guard.max_thought_tokens, guard.unreadable) == (1, 0.0)


@pytest.mark.parametrize("options", [ClassifierOptions, GuardOptions])
def test_each_option_has_a_help_text_and_only_the_model_must_be_given(options):
    assert all(each.metadata["help"] for each in fields(options))
    with pytest.raises(TypeError, match="'model'"):
        options()
