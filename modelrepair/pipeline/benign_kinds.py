"""Kinds of benign prompts in one repair: asked of each model, remembered, and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from modelrepair.evaluation.kinds import broken_share, left_out
from modelrepair.evaluation.measures import Measures, figures_of
from modelrepair.evaluation.results import ExampleResult
from modelrepair.examples.splits import Splits
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read
from modelrepair.preflight.model import Model
from modelrepair.progress import CALLED, Notes
from modelrepair.text.published import published

Results = tuple[ExampleResult, ...]


def ask_kinds(
    context: RunContext,
    model: Model,
    role: Literal["before", "reference", "after"],
    before: Results,
    known: Path,
) -> Results:
    """What a model answers to the benign prompts that are asked for their kind alone.

    Args:
        context: the source, opened.
        model: source, reference or result.
        role: which of them it is. The source decides which kinds the others are asked.
        before: the source's results so far.
        known: where measurements of the model are remembered.
    """
    from modelrepair.evaluation.ask_kinds import ask, asked_of
    from modelrepair.evaluation.sources import LocalModel
    from modelrepair.search.study import remember_results

    splits = context.sets.splits
    asked = asked_of(splits.kinds, () if role == "before" else left_out(before))
    if not asked or not context.panel.generates:
        return ()
    alone = asked_alone(splits) if role == "before" else ()

    def compute() -> Sequence[ExampleResult]:
        skeleton, read = skeleton_and_read(context, model, aligned=role == "reference")
        panel, shown = context.panel_of(model), context.progress
        with skeleton.filled_model(read) as filled:
            return ask(panel, asked, LocalModel(filled), shown, alone=alone)

    with context.progress.step(f"{CALLED[role]}, kinds") as said:
        results = remember_results(known / f"{role}-kinds.json", compute)
        said.found(**figures_of(results))
    return results


def asked_alone(splits: Splits) -> set[str]:
    """The kinds that no set reports besides.

    >>> asked_alone(Splits({}, {}, ()))
    set()
    """
    return {kind.name for kind in splits.kinds if not splits.reported(kind)}


def note_kinds(splits: Splits, wanted: int, before: Sequence[ExampleResult], notes: Notes) -> None:
    """Say which kinds the gate does not look at, and why.

    Args:
        splits: the example sets.
        wanted: report examples of each kind.
        before: all of the source's results.
        notes: where it is said.
    """
    if not wanted:
        notes.warn("no kinds of benign prompts were asked (--kind-examples 0)")
    shares = {kind: f"{broken_share(before, kind):.0%}" for kind in left_out(before)}
    if shares:
        listed = ", ".join(f"{kind} ({share})" for kind, share in shares.items())
        notes.warn(
            "kinds of benign prompts left out, since the source refuses or breaks more than half "
            f"of their answers: {listed}"
        )
    seen = {result.kind for result in before}
    if unseen := [kind.name for kind in splits.kinds if kind.name not in seen]:
        notes.warn(
            "kinds of benign prompts left out, since none of their prompts fits the model: "
            f"{', '.join(unseen)}"
        )


def kinds_record(splits: Splits, measures: Mapping[str, Measures]) -> dict[str, dict[str, Any]]:
    """The kinds as the manifest names them.

    Args:
        splits: the example sets.
        measures: by role; empty where nothing was measured.
    """
    if "before" not in measures or measures["before"].degenerate_rate is None:
        return {}  # no answer was asked for
    taken = measures["before"].kinds
    record = {}
    for kind in splits.kinds:
        found = taken.get(kind.name)
        rates = () if found is None else (found.benign_refusal_rate, found.degenerate_rate)
        broken = sum(rate.value for rate in rates)
        record[kind.name] = {
            "set": published(kind.set.id) or "examples",
            "role": kind.role,
            "digest": kind.set.digest,
            "licence": kind.set.licence,
            "examples": max((rate.n for rate in rates), default=0),
            "left_out": not rates or 2 * broken > 1,
        }
    return record
