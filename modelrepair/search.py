"""The search for the ratio: rounds, steps, the target; every point it looked at is kept.

A one-shot scorer is asked once: its masks are nested, so a ladder of ratios is cut from one
scoring pass. An iterative one is asked again after each step. Points are screened without
generation; at most eight of a scorer's points generate.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar

from modelrepair.checkpoint.writer import write_json
from modelrepair.ladders import (
    BEYOND,
    LADDERS,
    MOST_GENERATIONS,
    MOST_ROUNDS,
    PROBE_EVERY,
    STRIDES,
)
from modelrepair.measure.budgets import Budgets
from modelrepair.measure.evaluate import Panel, Screen, evaluate, screen
from modelrepair.measure.results import ExampleResult
from modelrepair.measure.rules import ROUNDING
from modelrepair.points import (
    Baseline,
    Point,
    affordable,
    arrives,
    harm,
    harm_of_source,
    refusing,
    spends_much,
    utility_loss,
)
from modelrepair.progress import Progress
from modelrepair.registry.loading import Registered
from modelrepair.rounds import Scoring, drop_round, masked_entries, score_round
from modelrepair.sweep.skeleton import Skeleton
from modelrepair.sweep.weights import Masks, Weights

CREEP, JUMP = 0.1, 1.0
"""How much a step should raise the margin at least and at most, in nats per token."""

NOTHING_LEFT = 0.05
"""A walk ends where a round finds so small a part of its step that is worth masking."""
ON_EDGE = 4
"""How many times the utility budget tokens may cost that were on edge: their loss did not rise."""

LIKELY, SURE, IN_VAIN = 0.2, 0.8, 0.1
"""Share of harmful prompts whose refusal has become the likelier answer, where asking pays.

Given answers change sides later than the model does: at a fifth it often refuses them all. Each
answer in vain says that it does not, and asks for a tenth more. The last question is kept for where
most have changed sides; a repair that meets the target there does not hang by a thread.
"""
HARMFUL_DROP_WORTH_A_LOOK = 0.9


class Maker(Protocol):
    """What makes candidates: a scorer with its surroundings, or a repairer with its own."""

    @property
    def registered(self) -> Registered[Any]:
        """The plug-in's spec, and who offers it."""
        ...

    @property
    def skeleton(self) -> Skeleton:
        """The model on the meta device."""
        ...

    @property
    def weights(self) -> Weights:
        """Reads the source."""
        ...


Made = TypeVar("Made", bound=Maker, default=Scoring, covariant=True)


@dataclass(frozen=True)
class Trial(Generic[Made]):
    """One plug-in's search: what makes candidates, what measures them, what they may cost."""

    scoring: Made
    panel: Panel
    budgets: Budgets
    baseline: Baseline
    progress: Progress

    @property
    def name(self) -> str:
        """The plug-in's name."""
        return str(self.scoring.registered.spec.name)


def fixed(
    scoring: Scoring, ratio: float, step: float | None, max_rounds: int | None, progress: Progress
) -> Point:
    """The mask at a ratio that the user named: one cut, or as many steps as it takes."""
    if not scoring.registered.spec.iterative:
        return _point(scoring, 0, ratio, None, progress)
    steps = math.ceil(ratio / (step or STRIDES[scoring.subject].first) - 1e-9)
    steps = max(1, min(steps, max_rounds or MOST_ROUNDS))
    point: Point | None = None
    for number in range(steps):
        after = _point(scoring, number, ratio / steps, point, progress)
        drop_round(scoring, number)
        if point is not None:
            _forget(point)
        point = after
    assert point is not None
    return point


def search(trial: Trial[Any], step: float | None, max_rounds: int | None) -> list[Point]:
    """All points that one scorer's search looked at, in order."""
    if not trial.scoring.registered.spec.iterative:
        points = list(climb(trial, _ladder(trial)))
        drop_round(trial.scoring, 0)
        return points
    walked = _walk(trial, step or STRIDES[trial.scoring.subject].first, max_rounds or MOST_ROUNDS)
    # The last one comes a second time where it generates after all.
    return list({point.change.folder: point for point in walked}.values())


def _ladder(trial: Trial[Any]) -> Iterator[Point]:
    """The masks of one scoring pass, from small to large."""
    ladder = LADDERS[trial.scoring.subject]
    below = 0.0
    for ratio in ladder:
        point = _point(trial.scoring, 0, ratio, None, trial.progress)
        if point.share == below and (below or ratio != ladder[-1]):
            continue  # too small a share of a row for one more entry: no mask, or the same again
        below = point.share
        yield point


def climb(trial: Trial[Any], points: Iterable[Point]) -> Iterator[Point]:
    """Screen candidates from the smallest change up, and let them generate from the top down.

    Args:
        trial: what measures them.
        points: candidates, each changing more than the one before; taken one by one, and no more
            of them once they cost too much.
    """
    screened: list[Point] = []
    for point in points:
        point = _screened(trial, point)
        screened.append(point)
        if _lost(trial, point) > 10 * trial.budgets.utility_loss:
            break  # more of the same costs more
    affordable = [p for p in screened if _lost(trial, p) <= 2 * trial.budgets.utility_loss]
    worth = (affordable or screened[:1])[-MOST_GENERATIONS:]
    for point in screened:
        if point not in worth:
            _forget(point)
    source = harm_of_source(trial.baseline)
    without_effect = 0
    generated: dict[float, Point] = {}
    for point in reversed(worth):
        done = _generated(trial, point)
        generated[point.ratio] = done
        unchanged = harm(done) >= HARMFUL_DROP_WORTH_A_LOOK * source
        without_effect = without_effect + 1 if unchanged else 0
        if without_effect == 2:
            break  # smaller changes do still less
    yield from (generated.get(point.ratio, point) for point in screened)


def follow(trial: Trial[Any], points: Iterable[Point]) -> Iterator[Point]:
    """Screen candidates as they come, and let them generate once refusals have come back.

    No more of them are asked for once one meets the target within the budgets. What costs too
    much is not the end: what a training lost it may win back.
    """
    allowed = STRIDES["weight"].costs
    last: Point | None = None
    generations = 0
    for point in points:
        if last is not None:
            _forget(last)
        last = _screened(trial, point)
        if not _costs(trial, last, allowed) and _refuses(last, 0.5):
            last = _generated(trial, last)
            generations += 1
        yield last
        if arrives(last, trial.baseline, trial.budgets) or generations == MOST_GENERATIONS:
            return
    if last is not None and generations == 0:
        yield _generated(trial, last)


def _walk(trial: Trial[Any], step: float, most: int) -> Iterator[Point]:
    """Ask, mask a step more, ask again; undo a step that costs or jumps, and halve it.

    Costs on the way may be higher than at the end: what a step costs, the next and smaller ones
    can win back, since they are scored on the benign answers too. Generation begins where the
    margin says that refusals have become likelier than harmful answers for a part of the
    prompts. The margin is of given answers, and the model may long give others: so every few
    rounds it is asked anyway. Where the target is met within the budgets, the walk goes on for a
    few rounds, until most refusals are likelier: what just meets it here may miss it elsewhere.
    """
    stride = STRIDES[trial.scoring.subject]
    smallest, near, largest = (
        step * part for part in (stride.smallest, stride.near, stride.largest)
    )
    current: Point | None = None
    answered: Point | None = None
    generations, waited, in_vain = 0, 0, 0
    due = arrived = False
    for number in range(most):
        point, step = _stepped(trial, number, step, current, smallest)
        gain = _gain(trial, current, point)
        if current is not None and point.share - current.share < step * NOTHING_LEFT:
            _forget(point)
            break  # next to nothing is left that is worth masking
        if _costs(trial, point, stride.costs):
            # Where the first step costs already, it is all there is to choose from.
            yield _generated(trial, point) if current is None else point
            break
        waited += 1
        due = due or _refuses(point, LIKELY)
        last = arrived or generations + 1 == MOST_GENERATIONS
        share = SURE if last else min(SURE, LIKELY + IN_VAIN * in_vain)
        patience = BEYOND if arrived else PROBE_EVERY
        if waited == patience or _worth_an_answer(trial, answered, point, share):
            point = answered = _generated(trial, point)
            fallen = _has_fallen(trial, point)
            due, in_vain = due or fallen, in_vain + (not fallen)
            generations, waited = generations + 1, 0
        yield point
        done = arrives(point, trial.baseline, trial.budgets)
        asked_beyond = arrived and point.results is not None
        if asked_beyond or (done and _refuses(point, SURE)) or generations == MOST_GENERATIONS:
            return
        arrived = arrived or done
        drop_round(trial.scoring, number)
        if current is not None:
            _forget(current)
        current = point
        if gain < CREEP:
            step = min(step * 2, near if due else largest)
        elif point.results is not None and not affordable(point, trial.baseline, trial.budgets):
            step = max(step / 2, smallest)
    if current is not None and current.results is None:
        yield _generated(trial, current)


def _stepped(
    trial: Trial[Any], number: int, step: float, current: Point | None, smallest: float
) -> tuple[Point, float]:
    """Mask a step more, halved for as long as it costs or jumps; and how large it became."""
    allowed = STRIDES[trial.scoring.subject].costs
    while True:
        point = _screened(trial, _point(trial.scoring, number, step, current, trial.progress))
        too_far = _costs(trial, point, allowed) or _gain(trial, current, point) > JUMP
        if step <= smallest or not too_far:
            return point, step
        _forget(point)
        step = max(step / 2, smallest)


def _refuses(point: Point, share: float) -> bool:
    """Whether refusals are likelier for this share of the prompts, as far as one can tell."""
    known = refusing(point)
    return known is None or known >= share


def _worth_an_answer(trial: Trial[Any], answered: Point | None, point: Point, share: float) -> bool:
    """Whether a point should answer, after another one did or as the first.

    Answers are dear. Refusals must have become likelier for this share of the prompts, and benign
    answers must be no less likely, since the walk can't end where they are. Where harm had fallen
    by the last answer, refusals must be likelier for more prompts than there; or it had cost too
    much, and benign answers have come back.
    """
    if not _refuses(point, share) or spends_much(point, trial.baseline, trial.budgets):
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


def _lost(trial: Trial[Any], point: Point) -> float:
    """Utility lost against the source on the select split, by the screen."""
    before = trial.baseline.before_screen.utility
    after = None if point.screen is None else point.screen.utility
    return 0.0 if before is None or after is None else before - after


def _costs(trial: Trial[Any], point: Point, times: float) -> bool:
    """Whether the screen says that a step costs so many times the utility budget, or as much."""
    before = trial.baseline.before_screen.utility_loss
    after = point.screen.utility_loss if point.screen else None
    if before is None or after is None:
        return _lost(trial, point) > times * trial.budgets.utility_loss + ROUNDING
    # A token that falls though answers became no less likely had stood on its edge.
    borne = times if after > 1.02 * before + 0.002 else max(times, ON_EDGE)
    dearer = after > 1.1 * before + 0.025 * times
    return dearer or _lost(trial, point) > borne * trial.budgets.utility_loss + ROUNDING


def _point(
    scoring: Scoring, number: int, share: float, onto: Point | None, progress: Progress
) -> Point:
    """Cut one more share from a round's scores; the round is scored where it was not yet."""
    folder = scoring.folder / "points" / f"{number:04d}-{share:.6e}"
    before = onto.change if onto is not None and isinstance(onto.change, Masks) else None

    def cut() -> dict[str, int]:
        scored = score_round(scoring, number, before, progress)
        return {"masked": masked_entries(scored.cut(share, folder / "mask", before), scoring.sites)}

    masked = remember(folder / "point.json", cut)["masked"]
    return Point(
        scorer=scoring.registered.spec.name,
        round=number + 1,
        ratio=share if onto is None else onto.ratio + share,
        share=masked / scoring.sites.entries,
        change=Masks(folder / "mask"),
    )


def _screened(trial: Trial[Any], point: Point) -> Point:
    folder = point.change.folder.parent

    def measure() -> dict[str, Any]:
        read = trial.scoring.weights.with_change(point.change).read
        seen = screen(
            trial.panel, trial.scoring.skeleton, read, folder / "screening", trial.progress
        )
        return seen.to_json()

    return replace(point, screen=Screen(**remember(folder / "screen.json", measure)))


def _generated(trial: Trial[Any], point: Point) -> Point:
    folder = point.change.folder.parent

    def measure() -> list[dict[str, Any]]:
        results, _ = evaluate(
            trial.panel,
            "select",
            trial.scoring.skeleton,
            trial.scoring.weights.with_change(point.change).read,
            folder / "measuring",
            trial.progress,
        )
        return [asdict(result) for result in results]

    rows = remember(folder / "results.json", measure)
    return replace(point, results=tuple(ExampleResult(**row) for row in rows))


def remember(path: Path, compute: Callable[[], Any]) -> Any:
    """What was computed before an interruption, or compute it now and keep it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, compute())
    return json.loads(path.read_bytes())


def _forget(point: Point) -> None:
    """Give back the disk space of a change that a later one holds, or that was undone.

    A point that generated may still be chosen, and keeps its change.
    """
    if point.results is None:
        shutil.rmtree(point.change.folder, ignore_errors=True)
