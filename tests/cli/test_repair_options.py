"""The options of a repair, which `plan` takes as `fix` does: put one word in the other's place."""

from __future__ import annotations

import pytest

from modelrepair.budgets import Budgets


def test_nothing_typed_is_the_default(api, call):
    call("fix", "user/model")
    _, _, options = api.made[0]
    assert options["budgets"] == Budgets()
    assert (options["ratio"], options["fallback"], options["evaluate"]) == (None, True, True)
    assert (options["scorer"], options["scorer_options"]) == (None, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--ratio 0", "a ratio of 0.0 is not above 0 and below 1"),
        ("--ratio 1.5", "1.5 is not above 0 and below 1"),
        ("--ratio 1", "1.0 is not above 0 and below 1"),
        ("--ratio nan", "nan is not above 0 and below 1"),
        ("--ratio abc", "'abc' is neither a number nor 'auto'"),
        ("--scale 1", "1 is not at least 0 and below 1"),
        ("--scale x", "'x' is no number"),
        ("--protect -0.1", "is not at least 0 and below 1"),
        ("--step 0", "0 is not above 0 and below 1"),
        ("--gate-harm-ratio inf", "inf is not at least 0"),
        ("--scorer-option norm", "'norm' is not name=value"),
        ("--scorer-option a=1 --scorer-option a=2", "'a' is given twice"),
        ("--scope column", "'column' is not one of"),
        ("--subject factors", "'factors' is not one of"),
        ("--max-rounds 0", "0 is not in the range"),
        ("--unheard-of", "no such option '--unheard-of'"),
        ("more", "unexpected extra argument"),
    ],
)
def test_what_makes_no_sense_is_refused(api, call, options, message):
    result = call("fix", "user/model", *options.split(), "--json")
    assert result.code == 2
    assert message in result.err.splitlines()[0]
    assert result.err.splitlines()[1].endswith("]: see `modelrepair fix --help`")
    assert message in result.json["error"]["message"]
    assert not api.made
