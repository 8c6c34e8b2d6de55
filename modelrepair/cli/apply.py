"""``modelrepair apply``: rebuild a repaired model from its mask."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair.cli.closing import close_apply
from modelrepair.cli.options import FOLDER, base_option, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output


@declare("apply", has_steps=True)
@click.argument("mask", type=click.Path(path_type=Path))
@click.argument("source")
@option("--reference", help="The reference, where the mask acts on the delta from it.")
@base_option()
@option("--out", type=FOLDER, required=True, help="Folder for the rebuilt model.")
def command(
    output: Output, mask: Path, source: str, reference: str | None, base: str | None, out: Path
) -> None:
    """Apply MASK to SOURCE: bit for bit the repaired weights.

    MASK is a repaired model's folder, or its repair/mask.safetensors alone.
    """
    import modelrepair

    folder = modelrepair.apply(
        mask, source, reference=reference, base=base, out=out, progress=output.progress()
    )
    output.result({"out": str(folder)}, *close_apply(folder, source))
