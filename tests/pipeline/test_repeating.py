"""A search that time ended is repeated by its limits, without a clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from modelrepair.pipeline.change import ChosenChange, SearchMethod
from modelrepair.pipeline.repeating import repeating
from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.specs import RepairerSpec
from modelrepair.search.search import climb, follow, search
from modelrepair.settings.amount import amount_of
from modelrepair.settings.search_limits import Limits
from modelrepair.settings.settings import Settings
from tests.support.fates import FATES


@hypothesis_settings(max_examples=100, deadline=None)
@given(FATES, st.integers(1, 20))
def test_a_search_that_time_ends_is_repeated_by_its_rounds_and_candidates(fate, reads):
    def look(study):
        return search(study, None)

    spec = load_registry().scorer("contrast" if fate.iterative else "wanda").spec
    timed = replace(fate, reads=reads).run(look, Limits())
    taken = SearchMethod(spec.name, timed.rounds, timed.answered)
    found = ChosenChange(None, None, timed.points, (taken,), timed.stopped)
    settings = repeating(Settings("m"), found, spec)
    assert settings.max_time is None and "--max-time" not in settings.command()
    again = fate.run(look, amount_of(settings).limits)
    assert again.points == timed.points
    assert settings.fallback == (fate.iterative or not timed.stopped)


@pytest.mark.parametrize("look", [climb, follow])
@hypothesis_settings(max_examples=60, deadline=None)
@given(FATES, st.integers(1, 12), st.integers(1, 60))
def test_a_repairer_that_time_ends_is_repeated_likewise(look, fate, reads, made):
    spec = RepairerSpec("mine", "…", load="m:M", sets=lambda _: {}, trains=look is follow)

    def run(some, limits):
        edits = some.made(made)[: limits.rounds]
        return some.run(lambda study: look(study, edits), limits)

    timed = run(replace(fate, reads=reads), Limits())
    taken = SearchMethod("mine", timed.rounds, timed.answered)
    found = ChosenChange(None, None, timed.points, (taken,), timed.stopped)
    settings = repeating(Settings("m", repairer="mine"), found, spec)
    assert run(fate, amount_of(settings).limits).points == timed.points


def repairer(*, trains):
    return RepairerSpec("mine", "…", load="m:M", sets=lambda _: {}, trains=trains)


WANDA, CONTRAST = (load_registry().scorer(name).spec for name in ("wanda", "contrast"))
CLIMBS, TRAINS = repairer(trains=False), repairer(trains=True)
FIRST, LAST = SearchMethod("first", 9, 8), SearchMethod("last", 3, 2)


def repeated(last, *, stopped=True, methods=(FIRST, LAST), **given):
    return repeating(Settings("m", **given), ChosenChange(None, None, (), methods, stopped), last)


@pytest.mark.parametrize("last", [WANDA, CONTRAST, CLIMBS, TRAINS])
def test_a_search_that_ended_before_its_time_keeps_its_settings(last):
    assert repeated(last, stopped=False, max_rounds=7) == Settings("m", max_rounds=7)


@pytest.mark.parametrize("last", [CONTRAST, TRAINS])
def test_where_rounds_follow_each_other_those_of_the_last_search_are_the_limit(last):
    assert repeated(last) == Settings("m", max_rounds=3)
    assert repeated(last, max_rounds=40, max_candidates=5) == Settings(
        "m", max_rounds=3, max_candidates=5
    )


def test_where_candidates_are_made_first_those_that_answered_are_the_limit():
    assert repeated(CLIMBS, repairer="mine", max_candidates=9) == Settings(
        "m", repairer="mine", max_candidates=2
    )


def test_a_scorer_that_would_have_come_next_is_left_out_and_a_named_one_has_none():
    assert repeated(WANDA) == Settings("m", max_candidates=2, fallback=False)
    # They were for the scorer that takes rounds.
    assert repeated(WANDA, step=0.01, max_rounds=9) == repeated(WANDA)
    assert repeated(CONTRAST, step=0.01, max_rounds=9).step == 0.01
    assert repeated(WANDA, scorer="wanda").fallback
    assert not repeated(WANDA, scorer="wanda", fallback=False).fallback
