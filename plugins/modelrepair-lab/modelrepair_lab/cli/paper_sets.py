"""``modelrepair lab paper-sets``: the published data sets as the sets of the paper's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelrepair_lab.cli.declaring import FOLDER, Output, option
from modelrepair_lab.cli.declaring import command as declare

SIZES = {
    "safe": (5000, "Safe answers to align with."),
    "attack": (1000, "Harmful pairs to attack with."),
    "realign": (2000, "Harmful pairs that a repair scores with."),
    "test": (1000, "Harmful prompts to test with."),
    "task": (5000, "Examples of each task to fine-tune on."),
    "utility": (1000, "Examples of each task that a repair scores with."),
    "task-test": (1000, "Examples of each task to test with."),
}
PLACES = ("beavertails", "sst2", "gsm8k", "hex-phi", "xstest")


def _options(declared: Any) -> Any:
    for name, (size, text) in reversed(SIZES.items()):
        declared = option(f"--{name}", type=click.IntRange(min=1), default=size, help=text)(
            declared
        )
    for name in reversed(PLACES):
        declared = option(
            f"--{name}",
            f"place_{name.replace('-', '_')}",
            metavar="PLACE",
            help=f"Where {name} is: a folder, a file, or an id on the Hub with @REVISION.",
        )(declared)
    return declared


@declare("paper-sets")
@option("--out", type=FOLDER, required=True, help="Folder for the sets.")
@_options
@option(
    "--refusals",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Refusals to align with in place of BeaverTails' safe answers: the JSON file "
    "beavertails_with_refusals_train of RepNoise.",
)
@option("--tasks", default="sst2,gsm8k", help="The user's tasks, of sst2 and gsm8k, comma between.")
@option(
    "--outside",
    default="hex-phi,xstest",
    help="Sets that are only asked at the end, of hex-phi and xstest, comma between; or 'none'.",
)
def command(
    output: Output,
    out: Path,
    refusals: Path | None,
    tasks: str,
    outside: str,
    **numbers: Any,
) -> None:
    """Make the sets of the paper's protocol from BeaverTails, SST2, GSM8K, HEx-PHI and XSTest.

    Their prompts are real, and many ask for harm; the answers of train/harmful and sets/realign
    are harmful. Keep the folder to yourself.
    """
    from modelrepair_lab.paper.sets import Sizes, Sources, make_sets

    places = {name: numbers.pop(f"place_{name.replace('-', '_')}") for name in PLACES}
    sources = Sources(
        places={name: place for name, place in places.items() if place is not None},
        refusals=refusals,
        tasks=_names(tasks),
        outside=_names(outside),
    )
    record = make_sets(out, sources, Sizes(**numbers))
    output.result(
        {"out": str(out), **record},
        *(f"{name}: {count}" for name, count in record["counts"].items()),
        f"Written to {out}",
    )


def _names(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(name.strip() for name in text.split(","))
