"""``modelrepair lab durability``: how many harmful examples undo a repair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelrepair_lab.cli.declaring import ANSWER_LENGTH, FOLDER, MODELS, Output, by_name, option
from modelrepair_lab.cli.declaring import command as declare

CSV, MARKDOWN, PLOT = "durability.csv", "durability.md", "durability.svg"


def whole_numbers(value: Any) -> tuple[int, ...]:
    """Whole numbers with commas between them, each once.

    >>> whole_numbers("0,1,5")
    (0, 1, 5)
    """
    try:
        numbers = tuple(dict.fromkeys(int(part) for part in str(value).split(",")))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of whole numbers such as 0,1,5") from None
    if min(numbers) < 0:
        raise click.BadParameter(f"{value!r} holds a number below 0")
    return numbers


@declare("durability")
@MODELS
@option("--out", type=FOLDER, required=True, help="Folder for points, tables and plot.")
@option("--harmful", metavar="SET", required=True, help="Harmful pairs to fine-tune on: a file.")
@option(
    "--realign", metavar="SET", required=True, help="Harmful prompts to measure on: another file."
)
@option(
    "--refusal", metavar="SET", help="The prompts of --realign with refusals, for margins: a file."
)
@option(
    "--utility",
    metavar="SET",
    help="Benign prompts with answers: a file. The models as they are answer them, too.",
)
@option("--borderline", metavar="SET", help="Likewise, prompts that only look harmful: a file.")
@option(
    "--counts",
    type=whole_numbers,
    metavar="N,…",
    default="0,1,2,5,10,20,50,100",
    help="How many harmful examples; 0 measures the model as it is.",
)
@option("--seeds", type=whole_numbers, metavar="N,…", default="0,1", help="Choices of examples.")
@option("--lr", "rate", type=float, default=1e-4, help="Learning rate of AdamW.")
@option("--epochs", type=float, default=5.0, help="How often each example is seen.")
@option("--batch", type=click.IntRange(min=1), default=8, help="Examples of a batch.")
@option("--judge", default="keyword", help="Who calls an answer harmful, harmless or refusal.")
@ANSWER_LENGTH
def command(
    output: Output,
    models: tuple[str, ...],
    out: Path,
    harmful: str,
    realign: str,
    refusal: str | None,
    utility: str | None,
    borderline: str | None,
    counts: tuple[int, ...],
    seeds: tuple[int, ...],
    rate: float,
    epochs: float,
    batch: int,
    judge: str,
    max_new_tokens: int,
) -> None:
    """Fine-tune MODELS on more and more harmful examples, and measure them each time.

    Give the aligned model, the attacked one and repaired ones side by side: NAME=FOLDER each.
    The same command resumes what was interrupted.
    """
    from modelrepair.checkpoint.atomic import write_text
    from modelrepair_lab.durability import Again, durability
    from modelrepair_lab.durability_page import as_csv, page, plot_durability

    again = Again(counts, seeds, epochs, batch, rate)
    measuring = {"realign": realign, "judge": judge, "max_new_tokens": max_new_tokens}
    benign = {"utility": utility, "borderline": borderline}
    measuring |= {name: path for name, path in benign.items() if path}
    points = durability(
        by_name(models),
        out,
        harmful=harmful,
        measuring=measuring,
        refusal=refusal,
        again=again,
        progress=output.progress(),
    )
    plotted = plot_durability(out / PLOT, points)
    text = page(points, again, PLOT if plotted else None)
    write_text(out / CSV, as_csv(points))
    write_text(out / MARKDOWN, text)
    output.result({"out": str(out), "points": points}, *text.splitlines(), f"Written to {out}")
