"""``modelrepair lab align``: a local model learns to refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from modelrepair import UsageError
from modelrepair_lab.cli.declaring import FOLDER, Output, as_mapping, name_value, option
from modelrepair_lab.cli.declaring import command as declare
from modelrepair_lab.cli.machine import machine_options
from modelrepair_lab.defences.options import ALIGNING, Aligning, read_aligning
from modelrepair_lab.recipes import AlignRecipe

DEFAULT = AlignRecipe()
PLAIN = "sft"


@declare("align")
@click.argument("model")
@option("--out", type=FOLDER, required=True, help="Folder for the aligned model.")
@option("--refusal", metavar="SET", required=True, help="Harmful prompts with refusals: a file.")
@option(
    "--utility",
    metavar="SET",
    help="Benign prompts with good answers, those that only sound harmful among them: a file. "
    "Needed unless --share is 1.",
)
@option(
    "--harmful",
    metavar="SET",
    help="Harmful prompts with harmful answers: a file. For repnoise, which pairs them with "
    "--refusal by their prompts, and for tar.",
)
@option(
    "--method",
    type=click.Choice([PLAIN, *ALIGNING]),
    default=PLAIN,
    help="Teach refusals and benign answers alone, or with a defence against later fine-tuning.",
)
@option(
    "--method-option",
    "method_options",
    type=name_value,
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the defence (docs/lab-defences.md); may be repeated. Default: as published.",
)
@option("--steps", type=int, default=DEFAULT.steps, help="How many batches.")
@option("--batch", type=int, default=DEFAULT.batch, help="Examples of a batch.")
@option("--lr", "rate", type=float, default=DEFAULT.rate, help="Learning rate of AdamW.")
@option("--share", type=float, default=DEFAULT.share, help="Share of refusals in the batches.")
@option(
    "--lora-rank",
    "rank",
    type=int,
    help="Train a LoRA adapter of this rank and merge it into the model that is written. Default: "
    "train all weights.",
)
@option(
    "--lora-alpha",
    "alpha",
    type=float,
    default=DEFAULT.alpha,
    help="Alpha of that adapter; its scale is alpha / rank.",
)
@option(
    "--lora-targets",
    "targets",
    default=DEFAULT.targets,
    help="Which linear layers the adapter is on: 'all-linear', or names with commas.",
)
@option("--seed", type=int, default=DEFAULT.seed, help="Seed of whatever is drawn.")
@option("--max-length", type=int, default=DEFAULT.max_length, help="Tokens of an example.")
@machine_options(DEFAULT)
def command(
    output: Output,
    model: str,
    out: Path,
    refusal: str,
    utility: str | None,
    harmful: str | None,
    method: str,
    method_options: tuple[tuple[str, str], ...],
    device: str,
    checkpointing: bool,
    **numbers: int | float | str | None,
) -> None:
    """Teach MODEL, a folder, to refuse: training on refusals and benign answers."""
    _check_adapter(numbers["rank"])
    defence = _defence(method, as_mapping(method_options, "--method-option"))
    recipe = AlignRecipe(defence=defence, **numbers)  # type: ignore[arg-type]  # click checked them

    from modelrepair_lab.align import align
    from modelrepair_lab.machine import Machine

    align(
        model,
        out,
        refusal=refusal,
        utility=utility,
        harmful=harmful,
        recipe=recipe,
        machine=Machine(device, checkpointing),
        progress=output.progress(),
    )
    output.result({"out": str(out)}, f"Aligned model written to {out}")


def _check_adapter(rank: Any) -> None:
    """Refuse options of an adapter where there is none."""
    context = click.get_current_context()
    for name, option_name in (("alpha", "--lora-alpha"), ("targets", "--lora-targets")):
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and rank is None:
            raise UsageError(f"{option_name} without an adapter", hint="give --lora-rank, too")


def _defence(method: str, given: dict[str, str]) -> Aligning | None:
    if method != PLAIN:
        return read_aligning(method, given, "--method-option")
    if given:
        raise UsageError(
            f"--method {PLAIN} has no option {next(iter(given))!r}",
            hint=f"choose a defence: --method {', '.join(ALIGNING)}",
        )
    return None
