"""Perplexity in one repair: the package's own text, followed by each model, and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from modelrepair.evaluation.measures import perplexity, perplexity_change
from modelrepair.evaluation.own_text import as_read, follow_text, text_digest
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read
from modelrepair.preflight.model import Model
from modelrepair.progress import CALLED

Role = Literal["before", "reference", "after"]


def measure_text(
    context: RunContext, model: Model, role: Role, known: Path
) -> tuple[ExampleResult, ...]:
    """How well a model predicts the text; nothing where its tokenizer spells most of it.

    Args:
        context: the source, opened.
        model: source, reference or result.
        role: which of them it is.
        known: where measurements of the model are remembered.
    """
    from modelrepair.search.study import remember_results

    # Whether the models are followed is decided by the source's tokenizer, whatever a reference
    # has.
    text = as_read(context.panel.template)
    if not text.passages:
        return ()

    def compute() -> list[ExampleResult]:
        panel = context.panel_of(model)
        own = text if panel.template is context.panel.template else as_read(panel.template)
        skeleton, read = skeleton_and_read(context, model, aligned=role == "reference")
        work = context.workspace.work / "measured" / "measuring"
        return follow_text(panel, own, skeleton, read, work, context.progress)

    with context.progress.step(f"{CALLED[role]}, text") as said:
        results = remember_results(known / f"{role}-text-{text_digest()[:8]}.json", compute)
        if (taken := perplexity(results)) is not None:
            said.found(perplexity=taken.value)
    return results


def text_record(
    context: RunContext, results: Mapping[Role, Sequence[ExampleResult]]
) -> dict[str, Any] | None:
    """The text as the manifest names it; None where nothing was measured.

    Args:
        context: the source, opened.
        results: by role.
    """
    if "after" not in results:
        return None
    read = as_read(context.panel.template)
    return {
        "sha256": text_digest(),
        "passages": len(read.passages),
        "tokens": read.tokens,
        "spelled": read.spelled,
        "change": perplexity_change(results["before"], results["after"]),
    }
