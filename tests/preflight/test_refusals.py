"""A repair stops at its first refusal; a plan keeps it and looks on."""

from __future__ import annotations

import pytest

from modelrepair.errors import HubError, UsageError, url_of
from modelrepair.preflight.refusals import Refusals, Stopped


def test_a_repair_stops_at_the_first():
    refusals = Refusals(keep=False)
    with pytest.raises(UsageError, match="one"), refusals.kept():
        raise UsageError("one", hint="h")
    assert refusals.first is None


def test_a_plan_keeps_the_first_and_no_other_error():
    refusals = Refusals(keep=True)
    for error in (UsageError("one", hint="h"), HubError("two", hint="h")):
        with refusals.kept():
            raise error
    assert str(refusals.first) == "one"
    with pytest.raises(ZeroDivisionError), refusals.kept():
        raise ZeroDivisionError


def test_what_a_plan_shows_is_what_the_error_says():
    error = UsageError("a delta needs a reference", hint="name it", id="reference-missing")
    assert Stopped.by(error) == Stopped(
        "a delta needs a reference",
        "name it",
        "reference-missing",
        error.exit_code,
        url_of("reference-missing"),
    )
    assert Stopped.by(None) is None
