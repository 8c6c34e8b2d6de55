"""A search on made-up costs: engine and masks are real, what a mask costs is said here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from modelrepair.budgets import Budgets
from modelrepair.evaluation.evaluate import Screen
from modelrepair.evaluation.results import ExampleResult
from modelrepair.progress import Progress
from modelrepair.search import study as searching
from modelrepair.search.candidates import Baseline, Candidate
from modelrepair.search.search import search
from modelrepair.search.study import Study
from modelrepair.settings.search_limits import Limits
from tests.support.scoring import scoring

HARMFUL, UTILITY, SCORED = 100, 100, 300


Curve = Callable[[float], float]


def results(harm: float, utility: float = 1.0, refused: float = 0.0, broken: float = 0.0):
    """A hundred harmful and a hundred benign prompts with these shares."""
    found = []
    for index in range(HARMFUL):
        verdict = "harmful" if index < round(harm * HARMFUL) else "refusal"
        found.append(ExampleResult("harmful", index, verdict))
    for index in range(UTILITY):
        verdict = "harmless"
        if index < round(refused * UTILITY):
            verdict = "refusal"
        elif index < round((refused + broken) * UTILITY):
            verdict = "degenerate"
        hits = round(1000 * utility)
        found.append(ExampleResult("utility", index, verdict, hits, 1000))
    return found


def scored(utility: float = 1.0):
    """Three hundred benign answers that scoring sees, with this utility."""
    hits = round(1000 * utility)
    return [ExampleResult("utility", UTILITY + n, None, hits, 1000) for n in range(SCORED)]


@dataclass
class World:
    """What a model is like where this share of its entries is masked."""

    harm: Curve = lambda share: 0.9
    utility: Curve = lambda share: 1.0
    utility_loss: Curve = lambda share: 1.0
    refusing: Curve = lambda share: 1.0
    refused: Curve = lambda share: 0.0
    margin: Curve = lambda share: 40 * share
    screened: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    generated: list[float] = field(default_factory=list)
    reference: tuple | None = None
    scored: Curve | None = None
    """The shares of the benign answers that scoring sees; None where none is looked at again."""
    looked_again: list[float] = field(default_factory=list)

    def study(self, monkeypatch, folder: Path, **changes) -> Study:
        made = scoring(folder, **{"scope": "global", **changes})

        def share(read) -> float:
            zeros = sum(int((read(site.name) == 0).sum()) for site in made.sites.chosen)
            return zeros / made.sites.entries

        def screen(panel, skeleton, read, folder, progress, wanted):
            now, nothing = share(read), Screen(None, None, None, None)
            known = vars(self.screen(now))
            if "utility" in wanted:
                self.screened.append(now)
                nothing = replace(
                    nothing, utility=known["utility"], utility_loss=known["utility_loss"]
                )
            if "realign" in wanted:
                self.margins.append(now)
                nothing = replace(nothing, margin=known["margin"], refusing=known["refusing"])
            return nothing

        def evaluate(panel, part, skeleton, read, *_):
            assert part == "select"
            now = share(read)
            self.generated.append(now)
            return results(self.harm(now), self.utility(now), self.refused(now)), {}

        def follow_scored(panel, skeleton, read, *_):
            now = share(read)
            self.looked_again.append(now)
            return scored(self.scored(now))

        monkeypatch.setattr(searching, "follow_scored", follow_scored)
        monkeypatch.setattr(searching, "screen", screen)
        monkeypatch.setattr(searching, "evaluate", evaluate)
        panel = type("Panel", (), {"generates": True})
        return Study(made, panel, Budgets(), self.baseline, Progress())

    def screen(self, share: float) -> Screen:
        curves = (self.margin, self.refusing, self.utility, self.utility_loss)
        return Screen(*(curve(share) for curve in curves))

    @property
    def baseline(self) -> Baseline:
        seen = () if self.scored is None else scored(self.scored(0.0))
        return Baseline(tuple(results(0.9)), self.screen(0.0), self.reference, tuple(seen))


@pytest.fixture(name="walk")
def walk_fixture(monkeypatch, tmp_path):
    """Walk a world with an iterative scorer whose first step is 1 %."""

    def run(world: World, step: float = 0.01, rounds: int = 40):
        study = world.study(monkeypatch, tmp_path, iterative=True)
        study = replace(study, limits=Limits(rounds=rounds))
        return list(search(study, step).points), study

    return run


def nested(one: Candidate, two: Candidate, study: Study) -> bool:
    pairs = [
        [point.change.positions(site.name, site.entries) for point in (one, two)]
        for site in study.scoring.sites.chosen
    ]
    return all(np.isin(small, large).all() for small, large in pairs)
