"""The walk of an iterative scorer: ask, mask a step more, ask again, until the target is met."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelrepair.progress import Step
from modelrepair.search.candidates import (
    Candidate,
    affordable,
    arrives,
    harm,
    harm_of_source,
    refusing,
    spends_much,
    utility_loss,
)
from modelrepair.search.easing import eased, worth_easing
from modelrepair.search.momentum import Momentum
from modelrepair.search.study import (
    Searched,
    Study,
    costs,
    cut_point,
    figures_of_point,
    forget,
    generated,
    refuses,
    screened,
    time_is_up,
    time_left,
)
from modelrepair.settings.search_limits import (
    EXTRA_ROUNDS,
    MOST_GENERATIONS,
    PROBE_EVERY,
    STEP_SCHEDULES,
)

MAX_MARGIN_GAIN = 1.0
"""How much a step should raise the margin at most, in nats per token."""

NOTHING_LEFT = 0.05
"""A walk ends where a round finds so small a part of its step that is worth masking."""
FIRST_ANSWER_THRESHOLD, SURE, THRESHOLD_STEP_AFTER_FAILURE = 0.2, 0.8, 0.1
"""Share of harmful prompts whose refusal has become the likelier answer, where asking pays.

Given answers change later than the model does: at a fifth it often refuses them all. After each
evaluation that shows no drop in harm, the threshold rises by a tenth. The last evaluation is kept
for where most refusals are likelier: a repair that meets the target there has a margin.
"""
WORSE, SHORTER, MOST_RETURNS = 0.25, 4, 2
"""A walk goes back to its best answers where so much more of the harm has returned since; from
there it takes steps so many times shorter; and it goes back so often at most.
"""
IN_VAIN = 2
"""So many answers without a drop in harm, while the margin swings: rounds lead nowhere."""


def walk(study: Study[Any], step: float) -> Searched:
    """Ask, mask a step more, ask again; undo a step that costs or jumps, and halve it.

    Costs on the way may be higher than at the end: what a step costs, the next and smaller ones
    can win back, since they are scored on the benign answers too. Generation begins where the
    margin says that refusals have become likelier than harmful answers for a part of the
    prompts. The margin is of given answers, and the model may long give others: so every few
    rounds it is asked anyway. Where the target is met within the budgets, the walk continues for a
    few rounds, until most refusals are likelier: what just meets it here may miss it elsewhere.

    Where answers are clearly worse than an earlier point's, the walk goes back there and takes
    shorter steps: what a step does was known too roughly.

    Where a round finds next to nothing that is worth masking, while harm is left, the scorer is
    asked with a smaller penalty from there on, if it has one to ease.

    Where answers have twice shown no drop in harm and the margin goes up and down by turns, each
    round undoes what the last one did. From there on rounds have momentum.

    No threshold depends on the limits: a walk cut short is the beginning of a longer one.

    Args:
        study: the scorer, what measures its candidates, and the limits of the search.
        step: the share of all entries that is masked first.
    """
    stride = STEP_SCHEDULES[study.scoring.subject]
    least = study.scoring.least
    smallest, near, largest = (
        max(step * part, least) for part in (stride.smallest, stride.near, stride.largest)
    )
    step = max(step, least)
    points: dict[Path, Candidate] = {}
    current: Candidate | None = None
    answered: Candidate | None = None
    best: Candidate | None = None
    rounds, generations, waited, in_vain, returns = 0, 0, 0, 0, 0
    due = arrived = stopped = False
    longest = 0.0
    momentum = Momentum(study.scoring, study.progress)

    def keep(point: Candidate) -> None:
        points[point.change.folder] = point  # the last one comes again where it generates after all

    for number in range(study.limits.rounds):
        rounds = number + 1
        with _round(study, rounds, longest) as said:
            asked = replace(study, scoring=momentum.scoring(number))
            point, step = _stepped(asked, number, step, current, smallest)
            said.found(**figures_of_point(point))
            gain = _gain(study, current, point)
            if current is not None and point.share - current.share < step * NOTHING_LEFT:
                # Next to nothing is left that is worth masking.
                forget(point)
                if arrived or (generations >= study.limits.candidates and not current.results):
                    break
                generations += current.results is None
                current = answered = generated(study, current)
                keep(current)
                easier = eased(momentum.plain) if worth_easing(study, current) else None
                if easier is None or generations == study.limits.candidates:
                    break
                momentum.plain, waited = easier, 0
                momentum.advance(number, current, current, stuck=False)
                continue
            if costs(study, point, stride.costs):
                # Where the first step costs already, it is all there is to choose from.
                if current is None:
                    point = generated(study, point)
                    said.found(**figures_of_point(point))
                keep(point)
                break
            waited += 1
            due = due or refuses(point, FIRST_ANSWER_THRESHOLD)
            last = arrived or generations + 1 >= MOST_GENERATIONS
            share = (
                SURE
                if last
                else min(SURE, FIRST_ANSWER_THRESHOLD + THRESHOLD_STEP_AFTER_FAILURE * in_vain)
            )
            patience = EXTRA_ROUNDS if arrived else PROBE_EVERY
            if waited == patience or _worth_an_answer(study, answered, point, share):
                point = answered = generated(study, point)
                said.found(**figures_of_point(point))
                fallen = _has_fallen(study, point)
                due, in_vain = due or fallen, in_vain + (not fallen)
                generations, waited = generations + 1, 0
        longest = max(longest, said.seconds if said.worked else 0.0)
        keep(point)
        momentum.advance(number, current, point, stuck=in_vain >= IN_VAIN)
        if current is not None:
            forget(current)
        current = point
        done = arrives(point, study.baseline, study.budgets)
        asked_beyond = arrived and point.results is not None
        if asked_beyond or (done and refuses(point, SURE)):
            break
        stopped = time_is_up(study, point)
        if stopped or generations == study.limits.candidates:
            break
        arrived = arrived or done
        if point.results is not None:
            if best is not None and harm(point) > harm(best) + WORSE and _has_fallen(study, best):
                if returns == MOST_RETURNS:
                    break
                current = answered = best
                step = near = largest = max(step / SHORTER, smallest)
                returns += 1
                continue
            best = point if best is None or harm(point) < harm(best) else best
        if gain < stride.gain:
            step = min(step * 2, near if due else largest)
        elif point.results is not None and not affordable(point, study.baseline, study.budgets):
            step = max(step / 2, smallest)
    if not stopped:  # the same command with more time needs them
        momentum.end(rounds)
    if current is not None and current.results is None:
        with study.progress.step(f"{study.name}, round {current.round}") as said:
            current = generated(study, current)
            said.found(**figures_of_point(current))
        keep(current)
    return Searched(tuple(points.values()), rounds, stopped)


def _round(study: Study[Any], number: int, longest: float) -> AbstractContextManager[Step]:
    """A step for one round, with how many there are at most and how long they take."""
    most = study.limits.rounds
    left = time_left(study, longest, most - number + 1)
    name = f"{study.name}, round {number}"
    return study.progress.step(name, round=number, rounds=most, seconds_left_most=left)


def _stepped(
    study: Study[Any], number: int, step: float, current: Candidate | None, smallest: float
) -> tuple[Candidate, float]:
    """Mask a step more, halved for as long as it costs or jumps; and how large it became."""
    allowed = STEP_SCHEDULES[study.scoring.subject].costs
    while True:
        point = cut_point(study.scoring, number, step, current, study.progress)
        if step <= smallest:
            return screened(study, point), step
        # Looking at harmful answers takes most of the time, and a step that costs utility is halved
        # whatever they say.
        point = screened(study, point, allowed)
        if not costs(study, point, allowed) and _gain(study, current, point) <= MAX_MARGIN_GAIN:
            return point, step
        forget(point)
        step = max(step / 2, smallest)


def _worth_an_answer(
    study: Study[Any], answered: Candidate | None, point: Candidate, share: float
) -> bool:
    """Whether a point should answer, after another one did or as the first.

    Answers are dear. Refusals must have become likelier for this share of the prompts, and benign
    answers must be no less likely, since the walk can't end where they are. Where harm had fallen
    by the last answer, refusals must be likelier for more prompts than there; or it had cost too
    much, and benign answers have come back.
    """
    if not refuses(point, share) or spends_much(point, study.baseline, study.budgets):
        return False
    if answered is None or not _has_fallen(study, answered):
        return True
    too_dear = not affordable(answered, study.baseline, study.budgets)
    if too_dear and utility_loss(point) < utility_loss(answered):
        return True
    now, then = refusing(point), refusing(answered)
    return now is None or then is None or now > then


def _has_fallen(study: Study[Any], answered: Candidate) -> bool:
    """Whether the answers of a point are harmful less than half as often as the source's."""
    return harm(answered) < harm_of_source(study.baseline) / 2


def _gain(study: Study[Any], current: Candidate | None, point: Candidate) -> float:
    """How much a step raised the margin, in nats per token; enough where no figure is known."""
    enough = STEP_SCHEDULES[study.scoring.subject].gain
    before = study.baseline.before_screen if current is None else current.screen
    if before is None or before.margin is None or point.screen is None:
        return enough
    return enough if point.screen.margin is None else point.screen.margin - before.margin
