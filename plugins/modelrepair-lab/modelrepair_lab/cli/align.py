"""``modelrepair lab align``: a local model learns to refuse."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair_lab.cli.declaring import FOLDER, Output, option
from modelrepair_lab.cli.declaring import command as declare
from modelrepair_lab.recipes import AlignRecipe

DEFAULT = AlignRecipe()


@declare("align")
@click.argument("model")
@option("--out", type=FOLDER, required=True, help="Folder for the aligned model.")
@option("--refusal", metavar="SET", required=True, help="Harmful prompts with refusals: a file.")
@option(
    "--utility",
    metavar="SET",
    required=True,
    help="Benign prompts with good answers, those that only sound harmful among them: a file.",
)
@option("--steps", type=int, default=DEFAULT.steps, help="How many batches.")
@option("--batch", type=int, default=DEFAULT.batch, help="Examples of a batch.")
@option("--lr", "rate", type=float, default=DEFAULT.rate, help="Learning rate of AdamW.")
@option("--share", type=float, default=DEFAULT.share, help="Share of refusals in the batches.")
@option("--seed", type=int, default=DEFAULT.seed, help="Seed of whatever is drawn.")
@option("--max-length", type=int, default=DEFAULT.max_length, help="Tokens of an example.")
def command(
    output: Output,
    model: str,
    out: Path,
    refusal: str,
    utility: str,
    **numbers: int | float,
) -> None:
    """Teach MODEL, a folder, to refuse: full fine-tuning on refusals and benign answers."""
    recipe = AlignRecipe(**numbers)  # type: ignore[arg-type]  # click has checked the types

    from modelrepair_lab.align import align

    align(model, out, refusal=refusal, utility=utility, recipe=recipe, progress=output.progress())
    output.result({"out": str(out)}, f"Aligned model written to {out}")
