"""What a repair measures of source, reference and result, and remembers where it is interrupted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelrepair.artifact.digests import canonical
from modelrepair.artifact.records import ModelRole
from modelrepair.artifact.writer import WrittenWeights
from modelrepair.evaluation.measures import Measures, figures_of, summarise
from modelrepair.evaluation.results import ExampleResult
from modelrepair.evaluation.standing import broken, broken_line, unread
from modelrepair.pipeline.benign_kinds import ask_kinds
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read
from modelrepair.pipeline.own_text import measure_text
from modelrepair.pipeline.standing import check_judgeable, named_unaligned, unaligned
from modelrepair.plugin.names import MeasuredSet
from modelrepair.preflight.model import Model
from modelrepair.progress import CALLED

if TYPE_CHECKING:
    from modelrepair.examples.splits import Part

Answers = Mapping[MeasuredSet, list[str]]


@dataclass
class Measured:
    """What was measured on the report split: results by role, and the answers behind them."""

    results: dict[ModelRole, tuple[ExampleResult, ...]] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)

    def measures(self, judge: str) -> dict[str, Measures]:
        """The measures by role."""
        return {role: summarise(results, judge) for role, results in self.results.items()}


def measure_before(
    context: RunContext, measured: Measured, reference: Model | None
) -> Model | None:
    """Measure source and reference; an unaligned one that was not named is none."""
    measure_report(context, measured, "before", context.source)
    check_judgeable(measured.results["before"])
    for line in unread(measured.results["before"], "source"):
        context.notes.warn(line)
        context.progress.note(line)
    if reference is None:
        return None
    measure_report(context, measured, "reference", reference)
    results, whose = measured.results["reference"], f"the reference {reference.name}"
    harm = unaligned(results, whose)
    if context.settings.reference != "auto":
        check_judgeable(results, whose)
        if harm:
            context.notes.warn(named_unaligned(results, harm))
        return reference
    if found := broken(results):
        context.notes.warn(f"{whose} is not used: {broken_line(results, found)}")
    elif harm:
        context.notes.warn(f"{harm}: it is not aligned and not used")
    else:
        return reference
    del measured.results["reference"], measured.answers["reference"]
    return None


def folder_after(context: RunContext, written: WrittenWeights) -> Path:
    """Where measurements of the result lie: of these very files, whatever was written before."""
    digest = hashlib.sha256(canonical(dict(written.files))).hexdigest()
    return context.workspace.work / "measured" / digest[:16]


def measure_report(
    context: RunContext,
    measured: Measured,
    role: ModelRole,
    model: Model,
    known: Path | None = None,
) -> None:
    """Measure a model on the report split.

    Args:
        context: of the repair.
        measured: where the results go.
        role: what the model is in it.
        model: as it lies on disk.
        known: the folder where measurements of it are remembered; by default the source's.
    """
    results, answers = _measure(context, model, role, "report", known or context.remembered)
    measured.results[role] = results
    measured.answers[role] = answers


def measure_rest(
    context: RunContext,
    measured: Measured,
    role: ModelRole,
    model: Model,
    known: Path | None = None,
) -> None:
    """Measure what the report split does not hold: kinds of benign prompts, and perplexity.

    Args:
        context: of the repair.
        measured: where the results go; those of the source are there.
        role: what the model is in it.
        model: as it lies on disk.
        known: the folder where measurements of it are remembered; by default the source's.
    """
    known = known or context.remembered
    asked = ask_kinds(context, model, role, measured.results["before"], known)
    text = measure_text(context, model, role, known)
    measured.results[role] = (*measured.results[role], *asked, *text)


def _measure(
    context: RunContext, model: Model, role: ModelRole, part: Part, known: Path
) -> tuple[tuple[ExampleResult, ...], Answers]:
    """Measure a model as it lies on disk, or remember it from before an interruption."""
    from modelrepair.evaluation.evaluate import evaluate
    from modelrepair.search.study import remember

    def compute() -> dict[str, object]:
        skeleton, read = skeleton_and_read(context, model, aligned=role == "reference")
        work = context.workspace.work / "measured" / "measuring"
        shown = context.progress
        rows, texts = evaluate(context.panel_of(model), part, skeleton, read, work, shown)
        return {"rows": [asdict(row) for row in rows], "answers": texts}

    what = CALLED[role] if part == "report" else f"{CALLED[role]}, for the search"
    with context.progress.step(what) as said:
        found = remember(known / f"{role}-{part}.json", compute)
        results = tuple(ExampleResult(**row) for row in found["rows"])
        said.found(**figures_of(results))
    return results, found["answers"]


def measure_select(
    context: RunContext, model: Model, role: Literal["before", "reference"]
) -> tuple[ExampleResult, ...]:
    """Measure source or reference on the select split, for the search."""
    return _measure(context, model, role, "select", context.remembered)[0]
