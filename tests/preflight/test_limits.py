"""The bounds that are named before a repair hold in every search, whatever a model is like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.specs import RepairerSpec
from modelrepair.preflight.limits import bounds_of, most_screened
from modelrepair.search.search import climb, follow, search
from modelrepair.settings.search_limits import Limits
from modelrepair.settings.settings import Settings
from tests.support.fates import FATES, LIMITS, SUBJECTS


def asked(limits: Limits, **more) -> Settings:
    return Settings("m", max_rounds=limits.rounds, max_candidates=limits.candidates, **more)


@hypothesis_settings(max_examples=100, deadline=None)
@given(FATES, LIMITS)
def test_no_scorer_s_search_takes_more_than_its_bounds(fate, limits):
    name = "contrast" if fate.iterative else "wanda"
    spec = load_registry().scorer(name).spec
    (most,) = bounds_of(asked(limits), [spec], fate.subject, None, reference=False).searches
    found = fate.run(lambda study: search(study, None), limits)
    assert found.rounds == (len(fate.rounds) if fate.iterative else 1) <= most.rounds
    assert len(fate.candidates) <= most.candidates
    assert found.answered == len(fate.answered) <= most.answered
    assert found.answered > 0


@pytest.mark.parametrize("look", [climb, follow])
@hypothesis_settings(max_examples=60, deadline=None)
@given(FATES, LIMITS, st.integers(1, 60))
def test_no_repairer_s_search_takes_more_than_its_bounds(look, fate, limits, made):
    spec = RepairerSpec("mine", "…", load="m:M", sets=lambda _: {}, trains=look is follow)
    settings = asked(limits, repairer="mine")
    (most,) = bounds_of(settings, [spec], "weight", None, reference=False).searches
    edits = fate.made(made)[: limits.rounds]
    found = fate.run(lambda study: look(study, edits), limits)
    assert len(fate.candidates) <= most.candidates
    assert 0 < found.answered == len(fate.answered) <= most.answered


@hypothesis_settings(max_examples=100, deadline=None)
@given(FATES, LIMITS)
def test_a_search_with_smaller_limits_is_the_beginning_of_the_larger_one(fate, limits):
    long = fate.run(lambda study: search(study, None), Limits(40, 12))
    short = fate.run(lambda study: search(study, None), limits)
    folders = [point.change.folder for point in long.points]
    assert [point.change.folder for point in short.points] == folders[: len(short.points)]
    if fate.iterative:
        pairs = list(zip(short.points, long.points, strict=False))
        # The last one answers at the end of its search, whether it would on the way or not.
        assert all(one.results == two.results for one, two in pairs[:-1])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_most_candidates_are_reached_by_a_walk_that_always_doubles_or_always_halves(subject):
    assert most_screened(subject, 1) == 1 + {"weight": 6, "delta": 5, "factor": 4}[subject]
    assert most_screened(subject, 9) == most_screened(subject, 1) + 16


def test_what_a_delta_may_turn_out_to_be_counts_too():
    wanda = load_registry().scorer("wanda").spec
    free = bounds_of(Settings("m", scorer="wanda"), [wanda], "delta", None, reference=True)
    named = bounds_of(
        Settings("m", scorer="wanda", subject="weight"), [wanda], "weight", None, reference=True
    )
    assert (free.candidates, named.candidates) == (11, 9)


def test_answers_are_those_of_every_model_to_every_prompt():
    registry = load_registry()
    wanda, contrast = (registry.scorer(name).spec for name in ("wanda", "contrast"))
    two = bounds_of(Settings("m"), [wanda, contrast], "weight", None, reference=False)
    assert [each.answered for each in two.searches] == [8, 8]
    assert two.answers == (1 + 16) * 384 + 2 * 768
    fixed = bounds_of(Settings("m", ratio=0.01), [wanda], "weight", None, reference=False)
    assert (fixed.rounds, fixed.candidates, fixed.answers) == (1, 1, 2 * 768)
    unmeasured = Settings("m", ratio=0.01, evaluate=False)
    assert bounds_of(unmeasured, [wanda], "weight", None, reference=False).answers == 0
