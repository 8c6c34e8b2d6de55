"""The search for the ratio: which candidates are made, and which of them answer.

A one-shot scorer is asked once: its masks are nested, so a ladder of ratios is cut from one
scoring pass. An iterative one is asked again after each step (`search.walk`). Candidates are
screened without generation, and a few of them answer. A search with smaller limits is the
beginning of the one with larger limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from modelrepair.progress import Progress, Step
from modelrepair.search.candidates import Candidate, arrives, harm, harm_of_source
from modelrepair.search.scoring import Scoring, drop_round
from modelrepair.search.study import (
    Searched,
    Study,
    costs,
    cut_point,
    figures_of_point,
    forget,
    generated,
    lost,
    refuses,
    screened,
    time_is_up,
)
from modelrepair.search.walk import walk
from modelrepair.settings.search_limits import RATIO_GRIDS, STEP_SCHEDULES, Limits, fixed_rounds

HARMFUL_DROP_WORTH_A_LOOK = 0.9


def fixed(
    scoring: Scoring, ratio: float, step: float | None, limits: Limits, progress: Progress
) -> Candidate:
    """The mask at a ratio that the user named: one cut, or as many steps as it takes."""
    if not scoring.registered.spec.iterative:
        return cut_point(scoring, 0, ratio, None, progress)
    step = max(step or STEP_SCHEDULES[scoring.subject].first, scoring.least)
    steps = fixed_rounds(ratio, step, limits.rounds)
    if scoring.least:
        # No step is smaller than one unit.
        steps = max(1, min(steps, int(ratio / scoring.least + 1e-9)))
    point: Candidate | None = None
    name = scoring.registered.spec.name
    for number in range(steps):
        with progress.step(f"{name}, round {number + 1}", round=number + 1, rounds=steps) as said:
            after = cut_point(scoring, number, ratio / steps, point, progress)
            said.found(**figures_of_point(after))
        drop_round(scoring, number)
        if point is not None:
            forget(point)
        point = after
    assert point is not None
    return point


def search(study: Study[Any], step: float | None) -> Searched:
    """All candidates that one scorer's search looked at, in order.

    Args:
        study: the scorer, what measures its candidates, and the limits of the search.
        step: the share that an iterative scorer adds first; None for the subject's own.
    """
    if study.scoring.registered.spec.iterative:
        return walk(study, step or STEP_SCHEDULES[study.scoring.subject].first)
    found = climb(study, _ladder(study))
    drop_round(study.scoring, 0)
    return replace(found, rounds=1)


def _ladder(study: Study[Any]) -> Iterator[Candidate]:
    """The masks of one scoring pass, from small to large."""
    least = study.scoring.least
    ladder = sorted({max(ratio, least) for ratio in RATIO_GRIDS[study.scoring.subject]})
    below = 0.0
    for ratio in ladder:
        point = cut_point(study.scoring, 0, ratio, None, study.progress)
        if point.share == below and (below or ratio != ladder[-1]):
            continue  # too small a share of a row for one more entry: no mask, or the same again
        below = point.share
        yield point


def climb(study: Study[Any], points: Iterable[Candidate]) -> Searched:
    """Screen candidates from the smallest change up, and let them generate from the top down.

    Args:
        study: what measures them, and the limits of the search.
        points: candidates, each changing more than the one before; taken one by one, and no more
            of them once they cost too much.
    """
    seen: list[Candidate] = []
    for made in points:
        with _looking(study, len(seen) + 1) as said:
            point = screened(study, made)
            said.found(**figures_of_point(point))
        seen.append(point)
        if lost(study, point) > 10 * study.budgets.utility_loss:
            break  # more of the same costs more
    cheap = [p for p in seen if lost(study, p) <= 2 * study.budgets.utility_loss]
    worth = (cheap or seen[:1])[-study.limits.candidates :]
    for point in seen:
        if point not in worth:
            forget(point)
    source = harm_of_source(study.baseline)
    without_effect, stopped = 0, False
    answered: dict[float, Candidate] = {}
    for point in reversed(worth):
        with _looking(study, seen.index(point) + 1) as said:
            done = generated(study, point)
            said.found(**figures_of_point(done))
        answered[point.ratio] = done
        unchanged = harm(done) >= HARMFUL_DROP_WORTH_A_LOOK * source
        without_effect = without_effect + 1 if unchanged else 0
        stopped = time_is_up(study, done)
        if stopped or without_effect == 2:
            break  # smaller changes do still less
    points = tuple(answered.get(point.ratio, point) for point in seen)
    return Searched(points, len(points), stopped)


def follow(study: Study[Any], points: Iterable[Candidate]) -> Searched:
    """Screen candidates as they come, and let them generate once refusals have come back.

    No more of them are asked for once one meets the target within the budgets. What costs too
    much is not the end: what a training lost it may win back.
    """
    allowed = STEP_SCHEDULES["weight"].costs
    seen: list[Candidate] = []
    generations, stopped = 0, False
    for made in points:
        if seen:
            forget(seen[-1])
        with _looking(study, len(seen) + 1) as said:
            point = screened(study, made)
            if not costs(study, point, allowed) and refuses(point, 0.5):
                point = generated(study, point)
                generations += 1
            said.found(**figures_of_point(point))
        seen.append(point)
        if arrives(point, study.baseline, study.budgets) or generations == study.limits.candidates:
            break
        if stopped := time_is_up(study, point):
            break
    if seen and generations == 0:
        with _looking(study, len(seen)) as said:
            seen[-1] = generated(study, seen[-1])
            said.found(**figures_of_point(seen[-1]))
    return Searched(tuple(seen), len(seen), stopped)


def _looking(study: Study[Any], number: int) -> AbstractContextManager[Step]:
    """A step for a look at one candidate: a first one, or its answers."""
    return study.progress.step(f"{study.name}, candidate {number}", candidate=number)
