"""The options of a repair, which `plan` takes as `fix` does: put one word in the other's place."""

from __future__ import annotations

from typing import Any

from modelrepair.cli.endpoint_options import judge_endpoint_options
from modelrepair.cli.gate_options import budget_options
from modelrepair.cli.options import (
    FOLDER,
    Decorator,
    machine_options,
    measuring_options,
    option,
    repairer_options,
    scorer_options,
    section,
    setting,
    source_options,
)
from modelrepair.cli.pushing import push_options
from modelrepair.cli.set_options import length_options, set_options
from modelrepair.cli.types import span_of_time


def repairing_options(push: str) -> Decorator[Any]:
    """Everything that can be asked of a repair.

    Args:
        push: what ``--push`` does.
    """
    parts = (
        source_options(),
        set_options(tests=True, defaults=True),
        length_options(),
        scorer_options(),
        search_options(),
        repairer_options(),
        evaluate_options(),
        measuring_options(),
        judge_endpoint_options(),
        budget_options(),
        machine_options(),
        result_options(),
        section("Pushing", option("--push", is_flag=True, help=push)),
        push_options(),
    )

    def decorate(function: Any) -> Any:
        for part in reversed(parts):
            function = part(function)
        return function

    return decorate


def search_options() -> Decorator[Any]:
    """How masks grow, and what they spare."""
    return section(
        "How entries are chosen",
        setting(
            "scale", "What masked entries are multiplied by: 0 removes them, 0.75 shrinks them."
        ),
        setting("step", "Share that an iterative scorer adds in a round. Default: chosen."),
        setting(
            "max_rounds",
            "Rounds that an iterative scorer may take, or edits that a repairer may make; "
            "40 by default.",
        ),
        setting(
            "max_candidates",
            "Candidates of each scorer, or of the repairer, that may answer prompts; 8 by default.",
        ),
        option(
            "--max-time",
            type=span_of_time,
            metavar="TIME",
            help="End the search once the repair is at work for so long (30m, 2h, 1h30m, seconds), "
            "after the round or candidate under way; the best one by then is taken.",
        ),
        setting(
            "protect", "Share of the entries, those that utility needs most, that are never masked."
        ),
        option(
            "--no-fallback",
            "fallback",
            is_flag=True,
            flag_value=False,
            default=True,
            show_default=False,
            help="Without --scorer: try Wanda alone, and not contrast after it.",
        ),
    )


def evaluate_options() -> Decorator[Any]:
    """Whether anything is measured."""
    return section(
        "Measuring",
        option(
            "--no-evaluate",
            "evaluate",
            is_flag=True,
            flag_value=False,
            default=True,
            show_default=False,
            help="Measure nothing; needs a number for --ratio (of a repairer, --strength), and the "
            "verdict is 'unmeasured'.",
        ),
        option(
            "--answer-later",
            is_flag=True,
            help="For a model too large to answer here: search by the margin, take utility and "
            "margin, and leave the verdict to `modelrepair decide`.",
        ),
        option(
            "--also-template",
            multiple=True,
            metavar="FILE_OR_MODEL",
            help="Measure under this chat template, too: a jinja file, or a model that has it; may "
            "be repeated. The reference's own is, where it differs.",
        ),
    )


def result_options() -> Decorator[Any]:
    """What is written, and where."""
    return section(
        "Result",
        option("--out", type=FOLDER, help="Output folder. Default: ./NAME-repaired."),
        option(
            "--store-values",
            is_flag=True,
            help="Store the masked entries' new values beside the mask, where the reference is "
            "private.",
        ),
        option(
            "--restart",
            is_flag=True,
            help="Throw away what an unfinished repair left in OUT.partial, and start afresh.",
        ),
    )
