"""``modelrepair lab table``: repairs over a grid of attacked models."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair_lab.cli.declaring import FOLDER, Output, option
from modelrepair_lab.cli.declaring import command as declare


@declare("table")
@click.argument("grid")
@option("--out", type=FOLDER, required=True, help="Folder for models, cells and tables.")
@option(
    "--jobs",
    type=click.IntRange(min=1),
    default=2,
    help="Attacked models that are worked on at the same time, each with one thread.",
)
@option("--seed", "seeds", type=int, multiple=True, help="Run this seed alone; again for more.")
@option("--attack", "attacks", multiple=True, help="Run this attack alone; again for more.")
@option("--repair", "repairs", multiple=True, help="Run this repair alone; again for more.")
@option(
    "--quick",
    is_flag=True,
    help="Of a grid with columns, such as 'paper-lr': one seed, few columns, published values "
    "alone.",
)
@option("--keep", is_flag=True, help="Leave the repaired models in OUT/repaired.")
@option("--retry", is_flag=True, help="Run cells again that ended in an error.")
@option(
    "--other-code",
    is_flag=True,
    help="Take finished cells that another version of the code made, too; the tables name them.",
)
def command(
    output: Output,
    grid: str,
    out: Path,
    jobs: int,
    seeds: tuple[int, ...],
    attacks: tuple[str, ...],
    repairs: tuple[str, ...],
    quick: bool,
    keep: bool,
    retry: bool,
    other_code: bool,
) -> None:
    """Try every repair of GRID on each of its attacked models, and write the tables.

    GRID is a TOML file, or one that comes with the lab, such as 'quick', 'whole' or 'paper-lr'.
    The same command resumes what was interrupted: a finished cell is run again only if it was
    made of something else, or by other code of modelrepair or of its plug-in.
    The tables hold every cell of the grid that is there, also where --seed, --attack or --repair
    run some alone.
    """
    from modelrepair_lab.grid import Part, read_grid
    from modelrepair_lab.runner import Running
    from modelrepair_lab.table import make_table

    running = Running(out, jobs, keep, retry, other_code)
    part = Part(seeds, attacks, repairs)
    table = make_table(read_grid(grid, quick=quick), running, output.progress(), part)
    output.result(table.to_json(), *table.markdown.splitlines(), f"Written to {out}")
