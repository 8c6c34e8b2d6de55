"""Figures that need no answers: of the source, and of a change whose amount the user named."""

from __future__ import annotations

from typing import Any

from modelrepair.evaluation.evaluate import Screen, follow_scored, screen
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read
from modelrepair.progress import CALLED
from modelrepair.search.candidates import Baseline, Candidate
from modelrepair.search.study import (
    Maker,
    Study,
    figures_of_point,
    remember,
    remember_results,
    screened,
)

Results = tuple[ExampleResult, ...]


def baseline_of(
    context: RunContext,
    before: Results = (),
    reference: Results | None = None,
    *,
    looks_again: bool = False,
) -> Baseline:
    """What the points of a search are compared with.

    Args:
        context: the source, opened.
        before: its results on the select split.
        reference: those of the aligned model, where there is one.
        looks_again: whether points may be looked at on the benign answers that scoring sees.
    """
    work = context.workspace.work / "screening"
    skeleton, read = skeleton_and_read(context, context.source)

    def look() -> dict[str, Any]:
        with context.progress.step(f"{CALLED['before']}, a first look"):
            return screen(context.panel, skeleton, read, work, context.progress).to_json()

    def follow() -> Results:
        with context.progress.step(f"{CALLED['before']}, what scoring sees"):
            return tuple(follow_scored(context.panel, skeleton, read, work, context.progress))

    seen = remember(context.remembered / "before-screen.json", look)
    scored: Results = ()
    if looks_again:
        scored = remember_results(context.remembered / "before-scored.json", follow)
    return Baseline(before, Screen(**seen), reference, scored)


def screened_alone(context: RunContext, made: Maker, point: Candidate) -> Candidate:
    """A change whose amount was named; screened where nothing else is known until later.

    Args:
        context: the source, opened.
        made: what made the change.
        point: the change.
    """
    if not context.settings.answer_later:
        return point
    study: Study[Any] = Study(
        made, context.panel, context.settings.budgets, baseline_of(context), context.progress
    )
    with context.progress.step(f"{point.scorer}, a first look") as said:
        point = screened(study, point)
        said.found(**figures_of_point(point))
    return point


def note_margin(context: RunContext, point: Candidate) -> None:
    """Say what became of the margin: all that is known of refusals until answers are judged.

    Args:
        context: the source, opened.
        point: the change that was chosen.
    """
    before = baseline_of(context).before_screen.margin
    after = None if point.screen is None else point.screen.margin
    if before is not None and after is not None:
        context.notes.warn(
            "the margin between refusals and harmful answers, mean log-likelihood of a token on "
            f"the select split, went from {before:.3f} to {after:.3f}"
        )
