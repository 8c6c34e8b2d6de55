"""What a repair is worth under other chat templates than the one that it was scored with.

A figure, and no rule of the gate: it says whether the repair holds where people use another
template, the reference's own among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.errors import ModelRepairError
from modelrepair.evaluation.measures import figures_of, summarise
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read, tokenizer_folder
from modelrepair.preflight.model import Model

if TYPE_CHECKING:
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.other_template import OtherTemplate

    Named = tuple[OtherTemplate, Panel]


def asked_panels(context: RunContext) -> tuple[Named, ...]:
    """The panels under the templates that the user asked for.

    Raises:
        ModelRepairError: one can't be had or used.
    """
    from modelrepair.examples.other_template import read_template

    if not measures(context):
        return ()
    asked = [read_template(text) for text in context.settings.also_template]
    return tuple((other, panel_under(context.panel, other)) for other in asked)


def with_own(
    context: RunContext, panels: tuple[Named, ...], reference: Model | None
) -> tuple[Named, ...]:
    """These panels, and the one under the reference's own template where that is another."""
    from modelrepair.examples.other_template import template_of

    if reference is None or not measures(context):
        return panels
    try:
        own = template_of(tokenizer_folder(reference), reference.name)
        if own.text in (context.panel.template.source, *(other.text for other, _ in panels)):
            return panels
        return (*panels, (own, panel_under(context.panel, own)))
    except ModelRepairError as error:
        context.notes.warn(f"the reference's own chat template was not tried: {error}")
        return panels


def measures(context: RunContext) -> bool:
    """Whether anything is generated and measured."""
    return context.settings.evaluate and context.panel.generates


def panel_under(panel: Panel, other: OtherTemplate) -> Panel:
    """The same panel with another template, which takes all that is reported on.

    Raises:
        ModelRepairError: it can't be used, or does not take one of the examples.
    """
    from modelrepair.examples.other_template import check_renders

    template = other.of(panel.template)
    prompts = panel.prompts("report")
    check_renders(
        template, other.name, [each for examples in prompts.values() for each in examples]
    )
    return replace(panel, template=template)


def evaluate_with_template(
    context: RunContext, panels: Sequence[Named], repaired: Model, known: Path
) -> list[dict[str, Any]]:
    """Source and result under each template, on the report split, as the manifest has it.

    Args:
        context: the source, opened.
        panels: with their templates.
        repaired: the result.
        known: where measurements of the result are remembered.
    """
    return [
        {
            "id": other.name,
            "sha256": other.sha256,
            "measures": {
                role: summarise(
                    _results(context, other, panel, model, folder), panel.judge.name
                ).to_json()
                for role, model, folder in (
                    ("before", context.source, context.remembered),
                    ("after", repaired, known),
                )
            },
        }
        for other, panel in panels
    ]


def _results(
    context: RunContext, other: OtherTemplate, panel: Panel, model: Model, known: Path
) -> tuple[ExampleResult, ...]:
    from modelrepair.evaluation.evaluate import evaluate
    from modelrepair.search.study import remember_results

    def compute() -> list[ExampleResult]:
        skeleton, read = skeleton_and_read(context, model)
        work = context.workspace.work / "measured" / "measuring"
        rows, _ = evaluate(panel, "report", skeleton, read, work, context.progress)
        return rows

    with context.progress.step("under another chat template") as said:
        results = remember_results(known / f"under-{other.sha256[:16]}.json", compute)
        said.found(**figures_of(results))
    return results
