"""The walk of an iterative scorer: ask, mask a step more, ask again, until the target is met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelrepair.search.candidates import (
    Point,
    affordable,
    arrives,
    harm,
    harm_of_source,
    refusing,
    spends_much,
    utility_loss,
)
from modelrepair.search.scoring import drop_round
from modelrepair.search.study import (
    Searched,
    Trial,
    costs,
    cut_point,
    forget,
    generated,
    refuses,
    screened,
    time_is_up,
)
from modelrepair.settings.search_limits import BEYOND, MOST_GENERATIONS, PROBE_EVERY, STRIDES

CREEP, JUMP = 0.1, 1.0
"""How much a step should raise the margin at least and at most, in nats per token."""

NOTHING_LEFT = 0.05
"""A walk ends where a round finds so small a part of its step that is worth masking."""
LIKELY, SURE, IN_VAIN = 0.2, 0.8, 0.1
"""Share of harmful prompts whose refusal has become the likelier answer, where asking pays.

Given answers change sides later than the model does: at a fifth it often refuses them all. Each
answer in vain says that it does not, and asks for a tenth more. The last question is kept for where
most have changed sides; a repair that meets the target there does not hang by a thread.
"""


def walk(trial: Trial[Any], step: float) -> Searched:
    """Ask, mask a step more, ask again; undo a step that costs or jumps, and halve it.

    Costs on the way may be higher than at the end: what a step costs, the next and smaller ones
    can win back, since they are scored on the benign answers too. Generation begins where the
    margin says that refusals have become likelier than harmful answers for a part of the
    prompts. The margin is of given answers, and the model may long give others: so every few
    rounds it is asked anyway. Where the target is met within the budgets, the walk goes on for a
    few rounds, until most refusals are likelier: what just meets it here may miss it elsewhere.

    No threshold depends on the limits: a walk cut short is the beginning of a longer one.

    Args:
        trial: the scorer, what measures its candidates, and the limits of the search.
        step: the share of all entries that is masked first.
    """
    stride = STRIDES[trial.scoring.subject]
    smallest, near, largest = (
        step * part for part in (stride.smallest, stride.near, stride.largest)
    )
    points: dict[Path, Point] = {}
    current: Point | None = None
    answered: Point | None = None
    rounds, generations, waited, in_vain = 0, 0, 0, 0
    due = arrived = stopped = False

    def keep(point: Point) -> None:
        points[point.change.folder] = point  # the last one comes again where it generates after all

    for number in range(trial.limits.rounds):
        rounds = number + 1
        point, step = _stepped(trial, number, step, current, smallest)
        gain = _gain(trial, current, point)
        if current is not None and point.share - current.share < step * NOTHING_LEFT:
            forget(point)
            break  # next to nothing is left that is worth masking
        if costs(trial, point, stride.costs):
            # Where the first step costs already, it is all there is to choose from.
            keep(generated(trial, point) if current is None else point)
            break
        waited += 1
        due = due or refuses(point, LIKELY)
        last = arrived or generations + 1 >= MOST_GENERATIONS
        share = SURE if last else min(SURE, LIKELY + IN_VAIN * in_vain)
        patience = BEYOND if arrived else PROBE_EVERY
        if waited == patience or _worth_an_answer(trial, answered, point, share):
            point = answered = generated(trial, point)
            fallen = _has_fallen(trial, point)
            due, in_vain = due or fallen, in_vain + (not fallen)
            generations, waited = generations + 1, 0
        keep(point)
        drop_round(trial.scoring, number)
        if current is not None:
            forget(current)
        current = point
        done = arrives(point, trial.baseline, trial.budgets)
        asked_beyond = arrived and point.results is not None
        if asked_beyond or (done and refuses(point, SURE)):
            break
        stopped = time_is_up(trial, point)
        if stopped or generations == trial.limits.candidates:
            break
        arrived = arrived or done
        if gain < CREEP:
            step = min(step * 2, near if due else largest)
        elif point.results is not None and not affordable(point, trial.baseline, trial.budgets):
            step = max(step / 2, smallest)
    if current is not None and current.results is None:
        keep(generated(trial, current))
    return Searched(tuple(points.values()), rounds, stopped)


def _stepped(
    trial: Trial[Any], number: int, step: float, current: Point | None, smallest: float
) -> tuple[Point, float]:
    """Mask a step more, halved for as long as it costs or jumps; and how large it became."""
    allowed = STRIDES[trial.scoring.subject].costs
    while True:
        point = screened(trial, cut_point(trial.scoring, number, step, current, trial.progress))
        too_far = costs(trial, point, allowed) or _gain(trial, current, point) > JUMP
        if step <= smallest or not too_far:
            return point, step
        forget(point)
        step = max(step / 2, smallest)


def _worth_an_answer(trial: Trial[Any], answered: Point | None, point: Point, share: float) -> bool:
    """Whether a point should answer, after another one did or as the first.

    Answers are dear. Refusals must have become likelier for this share of the prompts, and benign
    answers must be no less likely, since the walk can't end where they are. Where harm had fallen
    by the last answer, refusals must be likelier for more prompts than there; or it had cost too
    much, and benign answers have come back.
    """
    if not refuses(point, share) or spends_much(point, trial.baseline, trial.budgets):
        return False
    if answered is None or not _has_fallen(trial, answered):
        return True
    too_dear = not affordable(answered, trial.baseline, trial.budgets)
    if too_dear and utility_loss(point) < utility_loss(answered):
        return True
    now, then = refusing(point), refusing(answered)
    return now is None or then is None or now > then


def _has_fallen(trial: Trial[Any], answered: Point) -> bool:
    """Whether the answers of a point are harmful less than half as often as the source's."""
    return harm(answered) < harm_of_source(trial.baseline) / 2


def _gain(trial: Trial[Any], current: Point | None, point: Point) -> float:
    """How much a step raised the margin, in nats per token; enough where nothing tells."""
    before = trial.baseline.before_screen if current is None else current.screen
    if before is None or before.margin is None or point.screen is None:
        return CREEP
    return CREEP if point.screen.margin is None else point.screen.margin - before.margin
