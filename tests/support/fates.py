"""Models of which chance says what each mask does, for laws that hold in every search."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import strategies as st

from modelrepair.budgets import Budgets
from modelrepair.evaluation.evaluate import Screen
from modelrepair.evaluation.results import ExampleResult
from modelrepair.progress import Progress
from modelrepair.search import search as searching
from modelrepair.search import walk as walking
from modelrepair.search.candidates import Baseline, Candidate
from modelrepair.search.study import Searched, Study
from modelrepair.settings.search_limits import STEP_SCHEDULES, Limits

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

    def screened(self, study, point, allowed: float | None = None) -> Candidate:
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
        scoring = SimpleNamespace(
            subject=self.subject, registered=SimpleNamespace(spec=spec), least=0.0, eased=0
        )
        baseline = Baseline(before, Screen(0.0, 0.0, 1.0, 1.0), None)
        study = Study(scoring, None, Budgets(), baseline, Progress(), limits)
        with pytest.MonkeyPatch.context() as patched:
            for module in (searching, walking):
                patched.setattr(module, "cut_point", self.cut)
                patched.setattr(module, "screened", self.screened)
                patched.setattr(module, "generated", self.generated)
                patched.setattr(module, "forget", lambda *_: None)
                patched.setattr(module, "time_is_up", self.time_is_up)
            patched.setattr(searching, "drop_round", lambda *_: None)
            patched.setattr(walking, "Momentum", NoScores)
            patched.setattr(walking, "eased", eased)
            return look(study)

    def made(self, count: int) -> list[Candidate]:
        return [
            Candidate("fate", 1, n / 10, n / 10, Change(Path(str(n)) / "edits"))
            for n in range(1, count + 1)
        ]


def eased(scoring):
    """A fate's scorer is eased twice."""
    if scoring.eased == 2:
        return None
    return SimpleNamespace(**{**vars(scoring), "eased": scoring.eased + 1})


class NoScores:
    """Stands where a walk keeps the scores of its rounds: a fate has none."""

    began = None

    def __init__(self, plain, progress) -> None:
        self.plain = plain

    def scoring(self, number):
        return self.plain

    def advance(self, number, before, after, *, stuck) -> None:
        pass

    def end(self, rounds) -> None:
        pass


FATES = st.builds(
    Fate,
    seed=st.integers(0, 10**6),
    calm=st.sampled_from([0.3, 0.7, 0.9, 0.99, 1.0]),
    iterative=st.booleans(),
    subject=st.sampled_from(SUBJECTS),
)


LIMITS = st.builds(Limits, rounds=st.integers(1, 40), candidates=st.integers(1, 12))
