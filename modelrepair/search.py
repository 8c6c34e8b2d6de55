"""The search for the ratio: rounds, steps, the target; every point it looked at is kept.

A one-shot scorer is asked once: its masks are nested, so a ladder of ratios is cut from one
scoring pass. An iterative one is asked again after each step. Points are screened without
generation; at most eight of a scorer's points generate.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.writer import write_json
from modelrepair.ladders import LADDERS, LARGEST, MOST_GENERATIONS, MOST_ROUNDS, SMALLEST, STEPS
from modelrepair.measure.budgets import Budgets
from modelrepair.measure.evaluate import Panel, Screen, evaluate, screen
from modelrepair.measure.gate import costs_within_budgets, meets_target, within_budgets
from modelrepair.measure.measures import summarise
from modelrepair.measure.results import ExampleResult
from modelrepair.progress import Progress
from modelrepair.rounds import Scoring, drop_round, masked_entries, score_round
from modelrepair.sweep.weights import Masks

CREEP, JUMP = 0.1, 1.0
"""How much a step should raise the margin at least and at most, in nats per token."""
ON_THE_WAY = 4
"""How many times the utility budget a step may cost while the search is under way."""

HARMFUL_DROP_WORTH_A_LOOK = 0.9


@dataclass(frozen=True)
class Point:
    """One mask that the search looked at.

    Args:
        scorer: the scorer's name.
        round: how many times the scorer had been asked.
        ratio: the share that was asked for, over all steps.
        share: the share of all entries of the sites that is masked.
        masks: the mask itself.
        screen: figures without generation; None where nothing was measured.
        results: on the select split, where this point generated.
    """

    scorer: str
    round: int
    ratio: float
    share: float
    masks: Masks
    screen: Screen | None = None
    results: tuple[ExampleResult, ...] | None = None


@dataclass(frozen=True)
class Baseline:
    """Source and reference on the select split: what points are compared with."""

    before: tuple[ExampleResult, ...]
    before_screen: Screen
    reference: tuple[ExampleResult, ...] | None


@dataclass(frozen=True)
class Trial:
    """One scorer's search: what it scores with, measures with, and may cost."""

    scoring: Scoring
    panel: Panel
    budgets: Budgets
    baseline: Baseline
    progress: Progress

    @property
    def name(self) -> str:
        """The scorer's name."""
        return self.scoring.registered.spec.name


def fixed(
    scoring: Scoring, ratio: float, step: float | None, max_rounds: int | None, progress: Progress
) -> Point:
    """The mask at a ratio that the user named: one cut, or as many steps as it takes."""
    if not scoring.registered.spec.iterative:
        return _point(scoring, 0, ratio, None, progress)
    steps = math.ceil(ratio / (step or STEPS[scoring.subject]) - 1e-9)
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


def search(trial: Trial, step: float | None, max_rounds: int | None) -> list[Point]:
    """All points that one scorer's search looked at, in order."""
    if not trial.scoring.registered.spec.iterative:
        return list(_climb(trial))
    walked = _walk(trial, step or STEPS[trial.scoring.subject], max_rounds or MOST_ROUNDS)
    # The last one comes a second time where it generates after all.
    return list({point.masks.folder: point for point in walked}.values())


def choose(points: Sequence[Point], baseline: Baseline, budgets: Budgets) -> Point:
    """The point to publish, of those that generated.

    With a reference: the smallest mask that meets the target at no cost over the budgets. Else,
    or where none does: the least harm within the budgets, then the smallest mask. Of equals, one
    that costs less than half the utility budget goes before one that costs more: the report split
    may show it dearer. Where every point costs too much, the one that misses its budgets by the
    least.
    """
    before, reference = baseline.before, baseline.reference
    measured = [point for point in points if point.results is not None]

    def rank(point: Point) -> tuple[float, ...]:
        after = point.results or ()
        cheap = costs_within_budgets(before, after, reference, budgets)
        target = reference is not None and meets_target(after, reference, budgets)
        if cheap and target:
            return (0, _near(before, after, budgets), point.share)
        if cheap:
            return (1, harm(point), _near(before, after, budgets), point.share)
        return (2, _excess(before, after), point.share)

    return min(measured, key=rank)


def repairs(point: Point, baseline: Baseline, budgets: Budgets) -> bool:
    """Whether a point meets every budget on the select split."""
    if point.results is None:
        return False
    return within_budgets(baseline.before, point.results, baseline.reference, budgets)


def harm(point: Point) -> float:
    """The harmful score of a point; where nothing was generated, the share that its margin loses.

    That is the share of harmful prompts where the harmful answer is likelier than the refusal.
    """
    score = summarise(point.results or (), "").harmful_score
    if score is not None:
        return score.value
    refusing = point.screen.refusing if point.screen else None
    return 1.0 if refusing is None else 1.0 - refusing


def harm_of_source(baseline: Baseline) -> float:
    """The source's harm on the select split, in the same terms as a point's."""
    score = summarise(baseline.before, "").harmful_score
    if score is not None:
        return score.value
    refusing = baseline.before_screen.refusing
    return 1.0 if refusing is None else 1.0 - refusing


def _climb(trial: Trial) -> Iterator[Point]:
    """One scoring pass, a ladder of ratios from small to large, generation from the top down."""
    screened: list[Point] = []
    ladder = LADDERS[trial.scoring.subject]
    for ratio in ladder:
        point = _point(trial.scoring, 0, ratio, None, trial.progress)
        below = screened[-1].share if screened else 0.0
        if point.share == below and (screened or ratio != ladder[-1]):
            continue  # too small a share of a row for one more entry: no mask, or the same again
        point = _screened(trial, point)
        screened.append(point)
        if _lost(trial, point) > 10 * trial.budgets.utility_loss:
            break  # more of the same costs more
    affordable = [p for p in screened if _lost(trial, p) <= 2 * trial.budgets.utility_loss]
    worth = (affordable or screened[:1])[-MOST_GENERATIONS:]
    source = harm_of_source(trial.baseline)
    without_effect = 0
    generated: dict[float, Point] = {}
    for point in reversed(worth):
        done = _generated(trial, point)
        generated[point.ratio] = done
        unchanged = harm(done) >= HARMFUL_DROP_WORTH_A_LOOK * source
        without_effect = without_effect + 1 if unchanged else 0
        if without_effect == 2:
            break  # smaller masks change still less
    drop_round(trial.scoring, 0)
    yield from (generated.get(point.ratio, point) for point in screened)


def _walk(trial: Trial, step: float, most: int) -> Iterator[Point]:
    """Ask, mask a step more, ask again; undo a step that costs or jumps, and halve it.

    Costs on the way may be higher than at the end: what a step costs, the next and smaller ones
    can win back, since they are scored on the benign answers too. Generation begins where the
    margin says that refusals have become likelier than harmful answers for a good part of the
    prompts, and ends when the target is met within the budgets.
    """
    smallest, largest = step * SMALLEST[trial.scoring.subject], step * LARGEST
    current: Point | None = None
    answered: Point | None = None
    generations = 0
    due = False
    for number in range(most):
        while True:
            point = _screened(trial, _point(trial.scoring, number, step, current, trial.progress))
            gain = _gain(trial, current, point)
            finest = step <= smallest
            if finest or not (_costs(trial, point) or gain > JUMP):
                break
            _forget(point)
            step = max(step / 2, smallest)
        if current is not None and point.share <= current.share:
            break  # nothing is left that is worth masking
        if _costs(trial, point):
            # Where the first step costs already, it is all there is to choose from.
            yield _generated(trial, point) if current is None else point
            break
        due = due or _due(point)
        if due and _worth_an_answer(trial, answered, point):
            point = answered = _generated(trial, point)
            generations += 1
        yield point
        if _done(trial, point) or generations == MOST_GENERATIONS:
            return
        if point.results is not None and not _affordable(trial, point):
            step = max(step / 2, smallest)
        drop_round(trial.scoring, number)
        if current is not None:
            _forget(current)
        current = point
        if gain < CREEP and not due:
            step = min(step * 2, largest)
    if current is not None and current.results is None:
        yield _generated(trial, current)


def _due(point: Point) -> bool:
    """Whether refusals have become likelier for so many prompts that generating pays."""
    refusing = point.screen.refusing if point.screen else None
    return refusing is None or refusing >= 0.5


def _worth_an_answer(trial: Trial, answered: Point | None, point: Point) -> bool:
    """Whether a point should answer after an earlier one did: harm had fallen, or the margin rose.

    Answers are dear, and the margin may rise for long before the first of them changes.
    """
    if answered is None or harm(answered) < harm_of_source(trial.baseline) / 2:
        return True
    return _gain(trial, answered, point) >= CREEP


def _gain(trial: Trial, current: Point | None, point: Point) -> float:
    """How much a step raised the margin, in nats per token; enough where nothing tells."""
    before = trial.baseline.before_screen if current is None else current.screen
    if before is None or before.margin is None or point.screen is None:
        return CREEP
    return CREEP if point.screen.margin is None else point.screen.margin - before.margin


def _affordable(trial: Trial, point: Point) -> bool:
    """Whether a point that generated keeps every budget but harm's."""
    base = trial.baseline
    return costs_within_budgets(base.before, point.results or (), base.reference, trial.budgets)


def _done(trial: Trial, point: Point) -> bool:
    """Whether the walk has arrived: the target is met, or no harm is left, within the budgets."""
    if point.results is None or not _affordable(trial, point):
        return False
    reference = trial.baseline.reference
    if reference is not None and trial.panel.generates:
        return meets_target(point.results, reference, trial.budgets)
    return harm(point) == 0


def _near(
    before: Sequence[ExampleResult], after: Sequence[ExampleResult], budgets: Budgets
) -> bool:
    """Whether more than half of the utility budget is spent."""
    one, two = summarise(before, "").utility, summarise(after, "").utility
    if one is None or two is None:
        return False
    return one.value - two.value > budgets.utility_loss / 2


def _lost(trial: Trial, point: Point) -> float:
    """Utility lost against the source on the select split, by the screen."""
    before = trial.baseline.before_screen.utility
    after = None if point.screen is None else point.screen.utility
    return 0.0 if before is None or after is None else before - after


def _costs(trial: Trial, point: Point) -> bool:
    """Whether the screen says that a step costs utility."""
    before = trial.baseline.before_screen.utility_loss
    after = point.screen.utility_loss if point.screen else None
    dearer = before is not None and after is not None and after > 1.1 * before + 0.1
    return dearer or _lost(trial, point) > ON_THE_WAY * trial.budgets.utility_loss


def _excess(before: Sequence[ExampleResult], after: Sequence[ExampleResult]) -> float:
    """How much is left of the harm and how much is lost elsewhere, added up."""
    one, two = summarise(before, ""), summarise(after, "")
    total = two.harmful_score.value if two.harmful_score else 0.0
    if one.utility and two.utility:
        total += max(0.0, one.utility.value - two.utility.value)
    for name in ("benign_refusal_rate", "degenerate_rate"):
        old, new = getattr(one, name), getattr(two, name)
        if old and new:
            total += max(0.0, new.value - old.value)
    return total


def _point(
    scoring: Scoring, number: int, share: float, onto: Point | None, progress: Progress
) -> Point:
    """Cut one more share from a round's scores; the round is scored where it was not yet."""
    folder = scoring.folder / "points" / f"{number:04d}-{share:.6e}"
    before = None if onto is None else onto.masks

    def cut() -> dict[str, int]:
        scored = score_round(scoring, number, before, progress)
        return {"masked": masked_entries(scored.cut(share, folder / "mask", before), scoring.sites)}

    masked = remember(folder / "point.json", cut)["masked"]
    return Point(
        scorer=scoring.registered.spec.name,
        round=number + 1,
        ratio=share if onto is None else onto.ratio + share,
        share=masked / scoring.sites.entries,
        masks=Masks(folder / "mask"),
    )


def _screened(trial: Trial, point: Point) -> Point:
    folder = point.masks.folder.parent

    def measure() -> dict[str, Any]:
        read = trial.scoring.weights.with_masks(point.masks).read
        seen = screen(
            trial.panel, trial.scoring.skeleton, read, folder / "screening", trial.progress
        )
        return seen.to_json()

    return replace(point, screen=Screen(**remember(folder / "screen.json", measure)))


def _generated(trial: Trial, point: Point) -> Point:
    folder = point.masks.folder.parent

    def measure() -> list[dict[str, Any]]:
        results, _ = evaluate(
            trial.panel,
            "select",
            trial.scoring.skeleton,
            trial.scoring.weights.with_masks(point.masks).read,
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
    return json.loads(path.read_text())


def _forget(point: Point) -> None:
    """Give back the disk space of a mask that a later one holds, or that was undone.

    A point that generated may still be chosen, and keeps its mask.
    """
    if point.results is None:
        shutil.rmtree(point.masks.folder, ignore_errors=True)
