"""The walk of an iterative scorer: ask, mask a step more, ask again, until the target is met."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelrepair.evaluation.gate import meets_target, rates_within_budgets
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
from modelrepair.search.scoring import Scoring
from modelrepair.search.study import (
    Searched,
    Study,
    Turns,
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
SILENT_ROUNDS = 2
"""How often answers are asked for where the margin says nothing more; no step is doubled there."""
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

    Where answers show that a step removed the harm and refuses benign prompts too often, it went
    too far, and is halved as well: half of it may remove as much.

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
    momentum = Momentum(study.scoring, study.progress)
    way = _Way(max(step, least), smallest, near, largest, momentum)
    rounds, longest, stopped, most = 0, 0.0, False, study.limits.candidates
    for number in range(study.limits.rounds):
        rounds, before = number + 1, way.current
        with _round(study, rounds, longest) as said:
            asked = replace(study, scoring=momentum.scoring(number))
            point = _stepped(asked, number, way)
            said.found(**figures_of_point(point))
            if before is not None and point.share - before.share < way.step * NOTHING_LEFT:
                forget(point)
                easier = _easier(study, way)
                if easier is None:
                    break
                momentum.advance(number, before, before, stuck=False)
                momentum.plain = easier
                way.eased.append(rounds)
                continue
            if costs(study, point, stride.costs):
                # Where the first step costs already, it is all there is to choose from.
                point = point if before is not None else generated(study, point)
                said.found(**figures_of_point(point))
                way.keep(point)
                break
            point = _answering(study, way, point)
            while _goes_too_far(study, point) and way.step > smallest and way.generations < most:
                way.step = max(way.step / 2, smallest)
                way.halved.append(rounds)
                point = cut_point(asked.scoring, number, way.step, before, study.progress)
                point = way.answer(study, screened(study, point))
            said.found(**figures_of_point(point))
            gain = _gain(study, before, point)
        longest = max(longest, said.seconds if said.worked else 0.0)
        way.keep(point)
        momentum.advance(number, before, point, stuck=way.in_vain >= IN_VAIN)
        if before is not None:
            forget(before)
        way.current = point
        done = arrives(point, study.baseline, study.budgets)
        asked_beyond = way.arrived and point.results is not None
        if asked_beyond or (done and refuses(point, SURE)):
            break
        stopped = time_is_up(study, point)
        if stopped or way.generations == most:
            break
        way.arrived = way.arrived or done
        _next_step(study, way, point, gain)
    if not stopped:  # the same command with more time needs them
        momentum.end(rounds)
    if way.current is not None and way.current.results is None:
        with study.progress.step(f"{study.name}, round {way.current.round}") as said:
            way.answer(study, way.current)
            said.found(**figures_of_point(way.current))
    began = momentum.began
    first = began + 1 if began is not None and began < rounds else None
    turns = Turns(tuple(way.eased), first, tuple(dict.fromkeys(way.halved)))
    return Searched(tuple(way.points.values()), rounds, stopped, turns)


@dataclass
class _Way:
    """Where a walk is, and what it has seen on the way.

    Args:
        step: the share of all entries that the next round masks.
        smallest: where halving it ends.
        near: where doubling it ends once answers are asked for.
        largest: where doubling it ends before that.
        momentum: which rounds have it, and the scorer as it is asked now.
        points: all points so far, by their folders.
        current: what the next step is added to.
        answered: the point that answered last.
        generations: how many points answered.
        waited: rounds since the last of them.
        in_vain: how many of them showed no drop in harm.
        eased: rounds after which the scorer's penalty was smaller.
        halved: rounds whose step went too far, as answers showed.
        due: whether answers are asked for from now on.
        arrived: whether a point met the target.
    """

    step: float
    smallest: float
    near: float
    largest: float
    momentum: Momentum
    points: dict[Path, Candidate] = field(default_factory=dict)
    current: Candidate | None = None
    answered: Candidate | None = None
    generations: int = 0
    waited: int = 0
    in_vain: int = 0
    eased: list[int] = field(default_factory=list)
    halved: list[int] = field(default_factory=list)
    due: bool = False
    arrived: bool = False

    def keep(self, point: Candidate) -> None:
        """Add a point, or put it again with its answers."""
        self.points[point.change.folder] = point

    def answer(self, study: Study[Any], point: Candidate) -> Candidate:
        """Let a point answer, and keep count of that."""
        if point.results is None:
            point = generated(study, point)
            self.generations += 1
        self.answered, self.waited = point, 0
        if self.current is not None and self.current.change.folder == point.change.folder:
            self.current = point
        self.keep(point)
        return point


def _easier(study: Study[Any], way: _Way) -> Scoring | None:
    """Let what is masked so far answer; then the scorer with a smaller penalty, if that may help.

    None where the walk should end.
    """
    most = study.limits.candidates
    assert way.current is not None
    if way.arrived or (way.current.results is None and way.generations >= most):
        return None
    point = way.answer(study, way.current)
    if way.generations == most or not worth_easing(study, point):
        return None
    return eased(way.momentum.plain)


def _answering(study: Study[Any], way: _Way, point: Candidate) -> Candidate:
    """A point with its answers, where it is time to ask for them."""
    way.waited += 1
    way.due = way.due or refuses(point, FIRST_ANSWER_THRESHOLD)
    last = way.arrived or way.generations + 1 >= MOST_GENERATIONS
    after_failures = FIRST_ANSWER_THRESHOLD + THRESHOLD_STEP_AFTER_FAILURE * way.in_vain
    share = SURE if last else min(SURE, after_failures)
    patience = PROBE_EVERY
    if way.arrived:
        patience = EXTRA_ROUNDS
    elif _is_silent(study, way):
        patience = SILENT_ROUNDS
    if way.waited != patience and not _worth_an_answer(study, way.answered, point, share):
        return point
    point = way.answer(study, point)
    fallen = _has_fallen(study, point)
    way.due, way.in_vain = way.due or fallen, way.in_vain + (not fallen)
    return point


def _is_silent(study: Study[Any], way: _Way) -> bool:
    """Whether the margin says nothing more: all refusals were likelier where some harm was left."""
    answered = way.answered
    return answered is not None and refusing(answered) == 1 and _has_fallen(study, answered)


def _goes_too_far(study: Study[Any], point: Candidate) -> bool:
    """Whether too many benign prompts are refused or garbled where the harm is gone.

    One harmful answer more than the target allows counts as none.
    """
    after, baseline, budgets = point.results or (), study.baseline, study.budgets
    rates = baseline.before, after, baseline.reference, budgets
    gone = meets_target(after, baseline.target, budgets, spare=1)
    return gone and not rates_within_budgets(*rates)


def _next_step(study: Study[Any], way: _Way, point: Candidate, gain: float) -> None:
    """Double the step where it hardly moved anything; halve it where answers cost too much."""
    small = gain < STEP_SCHEDULES[study.scoring.subject].gain
    if small and not _is_silent(study, way):
        way.step = min(way.step * 2, way.near if way.due else way.largest)
    elif point.results is not None and not affordable(point, study.baseline, study.budgets):
        way.step = max(way.step / 2, way.smallest)


def _round(study: Study[Any], number: int, longest: float) -> AbstractContextManager[Step]:
    """A step for one round, with how many there are at most and how long they take."""
    most = study.limits.rounds
    left = time_left(study, longest, most - number + 1)
    name = f"{study.name}, round {number}"
    return study.progress.step(name, round=number, rounds=most, seconds_left_most=left)


def _stepped(study: Study[Any], number: int, way: _Way) -> Candidate:
    """Mask a step more, halved for as long as it costs or jumps."""
    allowed = STEP_SCHEDULES[study.scoring.subject].costs
    while True:
        point = cut_point(study.scoring, number, way.step, way.current, study.progress)
        if way.step <= way.smallest:
            return screened(study, point)
        # Looking at harmful answers takes most of the time, and a step that costs utility is halved
        # whatever they say.
        point = screened(study, point, allowed)
        jumps = _gain(study, way.current, point) > MAX_MARGIN_GAIN
        if not costs(study, point, allowed) and not jumps:
            return point
        forget(point)
        way.step = max(way.step / 2, way.smallest)


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
