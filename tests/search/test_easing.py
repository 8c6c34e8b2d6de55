"""A walk that finds nothing more worth masking asks its scorer with a smaller penalty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from modelrepair.budgets import Budgets
from modelrepair.search.candidates import choose
from modelrepair.search.easing import eased, worth_easing
from modelrepair.search.search import search
from modelrepair.settings.search_limits import Limits
from tests.support.made_up_costs import World, nested, results
from tests.support.scoring import Fixed, noise, scoring


class Penalised(Fixed):
    """Worth of each entry less a penalty that all pay; it can be stopped as it is asked."""

    def __init__(self, penalty: float, smaller: tuple[float, ...] = ()) -> None:
        super().__init__(self.worth)
        self.penalty, self.smaller = penalty, smaller
        self.stop_at: float | None = None

    def worth(self, view):
        if self.stop_at == self.penalty:
            raise KeyboardInterrupt
        return noise(view.name, view.subject.shape).abs() - self.penalty

    def eased(self):
        if not self.smaller:
            return None
        made = Penalised(self.smaller[0], self.smaller[1:])
        made.stop_at = self.stop_at
        return made


def walked(world: World, monkeypatch, folder, scorer, rounds: int = 12):
    study = world.study(monkeypatch, folder, iterative=True, signed=True, scorer=scorer)
    study = replace(study, limits=Limits(rounds=rounds))
    return study, search(study, 0.01)


def mask_of(study, point) -> np.ndarray:
    parts = [point.change.positions(site.name, site.entries) for site in study.scoring.sites.chosen]
    return np.concatenate(parts)


# Of normal numbers, 4.6 % are larger than 2 in size, 8 % larger than 1.75, 13 % larger than 1.5.
CURED = World(
    harm=lambda share: 0.0 if share > 0.075 else 0.4,
    refusing=lambda share: 1.0 if share > 0.02 else 0.0,
    margin=lambda share: 40 * share,
    reference=tuple(results(0.0)),
)


def test_a_walk_that_finds_nothing_more_goes_on_with_a_smaller_penalty(monkeypatch, tmp_path):
    study, found = walked(CURED, monkeypatch, tmp_path, Penalised(2.0, (1.5,)))
    best = choose(found.points, CURED.baseline, Budgets())
    assert best.share > 0.075
    # The round that found nothing has no point, and the mask before it lies in those after.
    rounds = [point.round for point in found.points]
    assert set(range(1, rounds[-1] + 1)) - set(rounds) == set(found.turns.eased)
    assert len(found.turns.eased) == 1
    assert all(nested(one, best, study) for one in found.points if one.change.folder.exists())
    # Scores of rounds that are done are gone; the last one's folder goes with the whole work.
    assert {folder.name for folder in tmp_path.rglob("round-*")} <= {
        f"round-{found.rounds - 1:04d}"
    }


@pytest.mark.parametrize(
    "scorer", [Penalised(2.0), Fixed(lambda view: noise("", view.subject.shape).abs() - 2)]
)
def test_a_walk_ends_where_its_scorer_has_no_penalty_to_ease(monkeypatch, tmp_path, scorer):
    _, found = walked(CURED, monkeypatch, tmp_path, scorer)
    assert 0.03 < found.points[-1].share < 0.06
    assert found.points[-1].results is not None


@pytest.mark.parametrize(
    "world",
    [
        replace(CURED, harm=lambda share: 0.0),
        replace(CURED, refused=lambda share: 0.5),
    ],
    ids=["nothing is left", "it costs already"],
)
def test_no_penalty_is_eased_where_that_helps_nobody(monkeypatch, tmp_path, world):
    _, found = walked(world, monkeypatch, tmp_path, Penalised(2.0, (1.5,)))
    assert found.points[-1].share < 0.06
    assert found.turns.eased == ()


def test_an_interruption_changes_nothing(monkeypatch, tmp_path):
    study, found = walked(CURED, monkeypatch, tmp_path / "one", Penalised(2.0, (1.75, 1.5)))
    scorer = Penalised(2.0, (1.75, 1.5))
    scorer.stop_at = 1.75
    with pytest.raises(KeyboardInterrupt):
        walked(CURED, monkeypatch, tmp_path / "two", scorer)
    scorer.stop_at = None
    again, resumed = walked(CURED, monkeypatch, tmp_path / "two", scorer)
    last, same = found.points[-1], resumed.points[-1]
    assert (last.round, last.share, found.turns) == (same.round, same.share, resumed.turns)
    assert found.turns.eased and found.rounds == resumed.rounds
    assert np.array_equal(mask_of(study, last), mask_of(again, same))


def test_the_surroundings_of_an_eased_scorer_are_the_same(tmp_path):
    made = scoring(tmp_path, Penalised(2.0, (1.5,)))
    easier = eased(made)
    assert easier is not None
    assert replace(easier, scorer=made.scorer) == made
    assert easier.scorer.penalty == 1.5
    assert eased(easier) is None


@pytest.mark.parametrize("without", [False, True])
def test_easing_is_worth_it_where_harm_is_left_and_a_budget_is(monkeypatch, tmp_path, without):
    world = replace(CURED, reference=None) if without else CURED
    study, found = walked(world, monkeypatch, tmp_path, Penalised(2.0, (1.5,)))
    worth = {p.share > 0.075: worth_easing(study, p) for p in found.points if p.results}
    assert worth == {False: True, True: False}


def test_the_scores_are_those_of_the_eased_scorer():
    scorer, ones = Penalised(2.0, (1.5,)), torch.zeros(2, 3)
    view = type("View", (), {"name": "a", "subject": ones})
    easier = scorer.eased()
    assert torch.allclose(easier.score(view, None) - scorer.score(view, None), torch.tensor(0.5))
