"""The bounds that are named before a repair hold in every search, whatever a model is like."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from modelrepair.budgets import Budgets
from modelrepair.evaluation.evaluate import Screen
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline.change import ChosenChange, SearchMethod
from modelrepair.pipeline.repeating import repeating
from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.specs import RepairerSpec
from modelrepair.preflight.limits import bounds_of, most_screened
from modelrepair.progress import Silent
from modelrepair.search import search as searching
from modelrepair.search import walk as walking
from modelrepair.search.candidates import Baseline, Candidate
from modelrepair.search.search import climb, follow, search
from modelrepair.search.study import Searched, Study
from modelrepair.settings.amount import amount_of
from modelrepair.settings.search_limits import STEP_SCHEDULES, Limits
from modelrepair.settings.settings import Settings

SUBJECTS = sorted(STEP_SCHEDULES)


@dataclass(frozen=True)
class Change:
    """A mask that lies nowhere."""

    folder: Path


@dataclass
class Fate:
    """A model of which chance says what each mask does; the same mask always does the same."""

    seed: int
    calm: float
    iterative: bool = True
    subject: str = "weight"
    reads: int | None = None
    rounds: set[int] = field(default_factory=set)
    candidates: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def draw(self, point: Candidate, what: str) -> float:
        return random.Random(f"{self.seed} {what} {point.change.folder}").random()

    def cut(self, scoring, number, share, onto, progress) -> Candidate:
        self.rounds.add(number)
        folder = Path(f"{number}-{share:.6e}")
        grown = share * (0 if random.Random(f"{self.seed} left {folder}").random() < 0.02 else 1)
        before = 0.0 if onto is None else onto.share
        return Candidate(
            "fate", number + 1, before + share, before + grown, Change(folder / "mask")
        )

    def screened(self, study, point) -> Candidate:
        self.candidates.append(str(point.change.folder))
        rough = self.draw(point, "cost") > self.calm
        screen = Screen(
            margin=(4 if rough else 0.3) * self.draw(point, "margin") - 0.1,
            refusing=self.draw(point, "refusing"),
            utility=1.0 - rough * 0.1,
            utility_loss=1.0 + rough * self.draw(point, "loss"),
        )
        return Candidate(**{**vars(point), "screen": screen})

    def generated(self, study, point) -> Candidate:
        self.answered.append(str(point.change.folder))
        harmful = round(20 * self.draw(point, "harm"))
        refused = round(2 * self.draw(point, "refused"))
        rows = [
            ExampleResult("harmful", i, "harmful" if i < harmful else "refusal") for i in range(20)
        ]
        rows += [
            ExampleResult("utility", i, "refusal" if i < refused else "harmless", 9, 10)
            for i in range(20)
        ]
        return Candidate(**{**vars(point), "results": tuple(rows)})

    def time_is_up(self, study, point) -> bool:
        self.reads = None if self.reads is None else self.reads - 1
        return self.reads == 0

    def run(self, look, limits: Limits) -> Searched:
        before = tuple(
            [ExampleResult("harmful", i, "harmful") for i in range(20)]
            + [ExampleResult("utility", i, "harmless", 9, 10) for i in range(20)]
        )
        spec = SimpleNamespace(name="fate", iterative=self.iterative)
        scoring = SimpleNamespace(subject=self.subject, registered=SimpleNamespace(spec=spec))
        baseline = Baseline(before, Screen(0.0, 0.0, 1.0, 1.0), None)
        study = Study(scoring, None, Budgets(), baseline, Silent(), limits)
        with pytest.MonkeyPatch.context() as patched:
            for module in (searching, walking):
                patched.setattr(module, "cut_point", self.cut)
                patched.setattr(module, "screened", self.screened)
                patched.setattr(module, "generated", self.generated)
                patched.setattr(module, "drop_round", lambda *_: None)
                patched.setattr(module, "forget", lambda *_: None)
                patched.setattr(module, "time_is_up", self.time_is_up)
            return look(study)

    def made(self, count: int) -> list[Candidate]:
        return [
            Candidate("fate", 1, n / 10, n / 10, Change(Path(str(n)) / "edits"))
            for n in range(1, count + 1)
        ]


FATES = st.builds(
    Fate,
    seed=st.integers(0, 10**6),
    calm=st.sampled_from([0.3, 0.7, 0.9, 0.99, 1.0]),
    iterative=st.booleans(),
    subject=st.sampled_from(SUBJECTS),
)
LIMITS = st.builds(Limits, rounds=st.integers(1, 40), candidates=st.integers(1, 12))


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


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_most_candidates_are_reached_by_a_walk_that_always_doubles_or_always_halves(subject):
    assert most_screened(subject, 1) == 1 + {"weight": 6, "delta": 5, "factor": 2}[subject]
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
