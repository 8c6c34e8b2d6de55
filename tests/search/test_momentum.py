"""Rounds that undo one another get momentum, and an interruption changes nothing of it."""

from __future__ import annotations

from dataclasses import replace
from shutil import rmtree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.search import momentum, walk
from modelrepair.search.momentum import MOMENTUM, TURN, TURNS, swings
from modelrepair.search.search import search
from modelrepair.settings.search_limits import Limits
from tests.support.made_up_costs import World
from tests.support.scoring import Fixed, noise

PROBE_EVERY = 3
FIRST = 2 * PROBE_EVERY
"""The round in which the second answer shows no drop in harm."""


class Moving(Fixed):
    """Scores that are others after every step; it can be stopped in a round."""

    def __init__(self) -> None:
        super().__init__(self.fresh)
        self.given: list[np.ndarray] = []
        self.stop_after: int | None = None

    def fresh(self, view):
        if self.stop_after == len(self.given):
            self.stop_after = None
            raise KeyboardInterrupt
        masked = int((view.weight == 0).sum())
        scores = noise(f"{view.name}{masked}", view.subject.shape)
        self.given.append(scores.numpy().reshape(-1))
        return scores


def swinging(harm: float = 0.9, ups: tuple[float, ...] = (0.3, 0.0)) -> World:
    """A world whose margin takes these values by turns, and whose harm stays."""
    seen: dict[float, int] = {}

    def margin(share: float) -> float:
        return ups[seen.setdefault(share, len(seen)) % len(ups)]

    return World(harm=lambda share: harm, refusing=lambda share: 0.0, margin=margin)


def walked(world: World, monkeypatch, folder, scorer, rounds: int):
    monkeypatch.setattr(walk, "PROBE_EVERY", PROBE_EVERY)  # in every eighth, it would take long
    study = world.study(monkeypatch, folder, iterative=True, scorer=scorer)
    study = replace(study, limits=Limits(rounds=rounds))
    found = search(study, 0.002)
    # Every round from that one on, which comes after the second answer that showed no drop.
    assert found.turns.momentum in (None, FIRST + 1)
    return study, found.points


def mask_of(study, point) -> np.ndarray:
    """All sites' masks, one after the other."""
    found = []
    for site in study.scoring.sites.chosen:
        mask = point.change.get(site.name, site.entries)
        found.append(np.zeros(site.entries, bool) if mask is None else mask)
    return np.concatenate(found)


@given(st.lists(st.floats(TURN + 0.01, 5), min_size=TURNS), st.floats(-3, 3), st.booleans())
def test_turns_are_seen_wherever_they_begin_and_however_large(sizes, start, down):
    signs = [(-1) ** (number + down) for number in range(len(sizes))]
    changes = [size * sign for size, sign in zip(sizes, signs, strict=True)]
    margins = [start, *(start + np.cumsum(changes))]
    assert swings(margins)
    assert not swings(margins[-TURNS:])
    assert not swings([*margins, margins[-1]])
    assert not swings([*margins[:-1], None])


@given(st.lists(st.floats(-3, 3), max_size=9))
def test_a_margin_that_only_rises_does_not_swing(margins):
    assert not swings(sorted(margins))


@pytest.mark.parametrize(
    ("world", "part"),
    [
        (swinging(), MOMENTUM),
        (swinging(ups=(0.0, 0.05)), 0.0),  # too little to be told from nothing
        (swinging(harm=0.4), 0.0),  # answers say that it leads somewhere
    ],
    ids=["swings", "hardly swings", "harm falls"],
)
def test_rounds_get_momentum_where_answers_show_no_drop_and_the_margin_swings(
    monkeypatch, tmp_path, world, part
):
    scorer = Moving()
    study, points = walked(world, monkeypatch, tmp_path, scorer, FIRST + 1)
    count = len(study.scoring.sites.chosen)
    asked = [
        np.concatenate(scorer.given[begin : begin + count])
        for begin in range(0, len(scorer.given), count)
    ]
    assert len(asked) == FIRST + 1 and points[-2].round == FIRST
    before, after = mask_of(study, points[-2]), mask_of(study, points[-1])
    scores = np.where(before, -np.inf, asked[-1] + np.float32(part) * asked[-2])
    added = np.count_nonzero(after & ~before)
    assert set(np.flatnonzero(after & ~before)) == set(np.argsort(-scores)[:added])
    assert not list(tmp_path.rglob("round-*"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        scorer = Moving()
        folder = tmp_path_factory.mktemp("undisturbed")
        study, points = walked(swinging(), patch, folder, scorer, FIRST + 3)
        return len(study.scoring.sites.chosen), mask_of(study, points[-1])


@pytest.mark.parametrize("later", [0, 1, 2])
@pytest.mark.parametrize("cut", ["process", "power"])
def test_an_interrupted_round_with_momentum_ends_at_the_same_mask(
    monkeypatch, tmp_path, undisturbed, later, cut
):
    count, expected = undisturbed
    world, scorer = swinging(), Moving()
    scorer.stop_after = (FIRST + later) * count + count // 2
    with pytest.raises(KeyboardInterrupt):
        walked(world, monkeypatch, tmp_path, scorer, FIRST + 3)
    if cut == "power":
        rmtree(tmp_path / "scoring" / f"round-{FIRST + later:04d}")
    study, points = walked(world, monkeypatch, tmp_path, scorer, FIRST + 3)
    assert np.array_equal(mask_of(study, points[-1]), expected)


@pytest.mark.parametrize("later", [0, 1])
def test_scores_that_were_lost_before_they_were_kept_are_taken_again(
    monkeypatch, tmp_path, undisturbed, later
):
    expected = undisturbed[1]
    world, plain, kept = swinging(), momentum.sync, []

    def lose(folder):
        if len(kept) == later:
            rmtree(folder)
            raise KeyboardInterrupt
        kept.append(folder)
        plain(folder)

    monkeypatch.setattr(momentum, "sync", lose)
    with pytest.raises(KeyboardInterrupt):
        walked(world, monkeypatch, tmp_path, Moving(), FIRST + 3)
    monkeypatch.setattr(momentum, "sync", plain)
    study, points = walked(world, monkeypatch, tmp_path, Moving(), FIRST + 3)
    assert np.array_equal(mask_of(study, points[-1]), expected)


@pytest.mark.parametrize("last", [FIRST, FIRST + 1])
def test_a_walk_that_time_ended_goes_on_with_its_momentum(monkeypatch, tmp_path, undisturbed, last):
    world = swinging()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "time_is_up", lambda study, point: point.round == last)
        _, points = walked(world, patch, tmp_path, Moving(), FIRST + 3)
        assert points[-1].round == last
    study, points = walked(world, monkeypatch, tmp_path, Moving(), FIRST + 3)
    assert np.array_equal(mask_of(study, points[-1]), undisturbed[1])
