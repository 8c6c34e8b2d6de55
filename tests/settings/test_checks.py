"""Checks of the settings, before anything is read: ranges, words, and what excludes each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrepair.budgets import Budgets
from modelrepair.errors import UsageError
from modelrepair.examples.thoughts import parse_marks
from modelrepair.settings.checks import check, check_choices
from modelrepair.settings.settings import Settings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ratio": True}, "a ratio of True"),
        ({"ratio": "0.1"}, "a ratio of '0.1'"),
        ({"scale": float("nan")}, "a scale of nan"),
        ({"evaluate": False, "ratio": 0.1, "also_template": ("a.jinja",)}, "which --no-evaluate"),
        ({"step": 1}, "a step of 1"),
        ({"repairer": "realign", "strength": float("nan")}, "a strength of nan"),
        ({"repairer": "realign", "strength": "0.5"}, "a strength of 0.5"),
        ({"protect": -0.1}, "a protected share of -0.1"),
        ({"budgets": Budgets(kind_level=0.0)}, "--gate-kind-level 0"),
        ({"kind_examples": -1}, "kind_examples is -1"),
        ({"unit": "head", "scope": "row"}, "no whole head can be chosen"),
        ({"unit": "row", "preset": "antidote-paper"}, "masks entries, and --unit says row"),
        ({"realign": "none"}, "a repair needs a re-alignment set"),
        ({"utility_filter": ("safe",)}, "the filter 'safe' is not column=value"),
        ({"utility_columns": {"reply": "r"}}, "utility_columns names 'reply'"),
        ({"borderline_limit": 0}, "borderline_limit is 0"),
        ({"subject": "delta", "reference": "none"}, "a delta needs a reference"),
        ({"answer_later": True, "evaluate": False, "ratio": 0.1}, "--no-evaluate leaves out, too"),
        ({"answer_later": True, "also_template": ("a.jinja",)}, "which --also-template needs"),
        ({"answer_later": True, "utility": "self:plain"}, "which --utility self:… needs"),
    ],
)
def test_what_can_not_be_meant_is_refused(change, said):
    settings = Settings("user/model", realign="r.jsonl")
    check(settings)
    with pytest.raises(UsageError, match=said):
        check(replace(settings, **change))


@pytest.mark.parametrize(
    "change",
    [{"scope": "layer"}, {"unit": "layer"}, {"arithmetic": "fp8"}, {"max_length": 1},
     {"max_new_tokens": 0}, {"examples": "many"}],
)  # fmt: skip
def test_unknown_words_and_small_counts_are_refused(change):
    check_choices(Settings("user/model"))
    with pytest.raises(UsageError, match=next(iter(change))) as caught:
        check_choices(replace(Settings("user/model"), **change))
    assert caught.value.hint


@pytest.mark.usefixtures("own_repairers")
@pytest.mark.parametrize(
    "given",
    [
        {"scorer": "wanda"},
        {"scorer_options": {"norm": "mean"}},
        {"preset": "antidote-paper"},
        {"ratio": 0.1},
        {"scale": 0.5},
        {"protect": 0.1},
        {"step": 0.1},
        {"scope": "row"},
        {"store_values": True},
        {"subject": "delta"},
    ],
)
def test_what_goes_with_a_scorer_is_refused(given):
    with pytest.raises(UsageError, match="goes with a scorer, and a repairer was named"):
        check(replace(Settings("a", repairer="back"), **given))


@pytest.mark.parametrize("named", [{"ratio": 0.01}, {"repairer": "back", "strength": 1.0}])
@pytest.mark.parametrize(
    "limit", [{"max_time": "30m"}, {"max_candidates": 3}, {"max_rounds": 3}], ids=str
)
def test_without_a_search_there_is_nothing_to_end(named, limit):
    settings = Settings("m", **limit, **named)
    if "ratio" in named and "max_rounds" in limit:
        return check(settings)  # a scorer takes rounds to a named ratio, too
    option, knob = next(iter(limit)).replace("_", "-"), [*named][-1]
    with pytest.raises(UsageError, match=f"--{option} ends a search, and a {knob} was named"):
        check(settings)
    return None


@pytest.mark.parametrize("text", ["<plan>", "<plan> <plan>", "", "a b c"])
def test_marks_that_are_none(text):
    with pytest.raises(UsageError, match="does not mark thoughts"):
        check(Settings("user/model", thought_markers=(text,)))
    assert parse_marks(" <plan>  </plan> ").open == "<plan>"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 2e6, "0.1", None])
@pytest.mark.parametrize("name", ["harm_ratio", "fewest"])
def test_budgets_are_numbers_that_a_verification_takes(name, value):
    settings = Settings("m", budgets=Budgets(**{name: value}))
    with pytest.raises(UsageError, match=f"--gate-{name.replace('_', '-')}") as error:
        check_choices(settings)
    assert error.value.exit_code == 2 and "1,000,000" in error.value.hint
    check_choices(Settings("m", budgets=Budgets(**{name: 0})))
