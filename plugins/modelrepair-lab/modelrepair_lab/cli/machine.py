"""The options of a training that say where and how it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from modelrepair_lab.cli.declaring import option
from modelrepair_lab.recipes import AlignRecipe, AttackRecipe


def machine_options(default: AlignRecipe | AttackRecipe) -> Callable[[Any], Any]:
    """Weight decay and arithmetic, which belong to the recipe, then device and checkpointing."""
    options = (
        option(
            "--weight-decay",
            type=float,
            default=default.weight_decay,
            help="Weight decay of AdamW.",
        ),
        option(
            "--arithmetic",
            type=click.Choice(["float32", "bfloat16"]),
            default=default.arithmetic,
            help="What forward and backward compute in; weights and steps are float32.",
        ),
        option(
            "--device",
            default="auto",
            help="auto, cpu, cuda or mps; auto is a GPU if there is one.",
        ),
        option(
            "--checkpointing",
            is_flag=True,
            help="Compute the states inside the blocks twice instead of keeping them in memory; "
            "not for vaccine.",
        ),
    )

    def decorate(declared: Any) -> Any:
        for each in reversed(options):
            declared = each(declared)
        return declared

    return decorate
