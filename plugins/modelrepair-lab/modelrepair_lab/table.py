"""A table from start to end: run the grid, then write CSV, Markdown and plots from its cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair import Progress
from modelrepair.checkpoint.atomic import write_text
from modelrepair_lab.cells import Cell
from modelrepair_lab.choosing import kept_choices, with_chosen
from modelrepair_lab.crossed_page import crossed_page
from modelrepair_lab.crossed_rows import crossed_csv
from modelrepair_lab.grid import Grid, Part
from modelrepair_lab.markdown import page
from modelrepair_lab.missing import missing
from modelrepair_lab.plots import plot_harm_against_utility
from modelrepair_lab.rows import as_csv
from modelrepair_lab.runner import (
    Running,
    choose_all,
    other_code,
    read_aligned,
    read_cells,
    run_grid,
)

CSV, MARKDOWN, PLOT = "table.csv", "table.md", "harm-utility.svg"


@dataclass(frozen=True)
class Table:
    """The result of a grid.

    Args:
        cells: one record each.
        missing: why a repair was not run, by its name.
        markdown: the page.
        out: the folder with all files.
    """

    cells: tuple[Cell, ...]
    missing: dict[str, str]
    markdown: str
    out: Path

    def to_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return {"out": str(self.out), "missing": self.missing, "cells": list(self.cells)}


def make_table(grid: Grid, running: Running, progress: Progress, part: Part | None = None) -> Table:
    """Run what is open of a grid, and write its tables.

    Args:
        grid: all rows of the table.
        running: how it is run.
        progress: receives a line for each finished cell.
        part: run no other cells; the tables hold whatever is there.

    Raises:
        ModelRepairError: a world or an attack could not be made.
    """
    absent = missing(grid.repairs)
    for name, reason in absent.items():
        progress.note(f"Left out: {name}: {reason}")
    wanted = (part or Part()).of(grid)
    grid, now = (
        replace(each, repairs=tuple(row for row in each.repairs if row.name not in absent))
        for each in (grid, wanted)
    )
    _say_other_code(now, running, progress)
    if grid.crossing is not None:
        return _crossed(grid, now, running, absent, progress)
    run_grid(now, running, progress)
    cells = tuple(read_cells(grid, running))
    plotted = plot_harm_against_utility(running.out / PLOT, cells)
    text = page(grid, cells, absent, plot=PLOT if plotted else None) + _older(grid, running)
    write_text(running.out / CSV, as_csv(cells))
    write_text(running.out / MARKDOWN, text)
    return Table(cells, absent, text, running.out)


def _crossed(
    grid: Grid, now: Grid, running: Running, absent: dict[str, str], progress: Progress
) -> Table:
    """A crossed grid: settings are chosen first, and each chosen one is a row of its own."""
    run_grid(with_chosen(now, choose_all(now, running, progress)), running, progress)
    chosen = kept_choices(grid, running.out, other_code=running.other_code)
    grid = with_chosen(grid, chosen)
    cells = tuple(read_cells(grid, running))
    text = crossed_page(grid, cells, read_aligned(grid, running), chosen, absent)
    text += _older(grid, running)
    write_text(running.out / f"{grid.name}.csv", crossed_csv(grid, cells))
    write_text(running.out / f"{grid.name}.md", text)
    return Table(cells, absent, text, running.out)


def _say_other_code(grid: Grid, running: Running, progress: Progress) -> None:
    """Say before the work how many finished cells are not taken, or are taken all the same."""
    count = len(other_code(grid, running))
    if count:
        done = "taken as they are" if running.other_code else "run again; --other-code takes them"
        progress.note(f"Finished cells that other code made: {count}, {done}")


def _older(grid: Grid, running: Running) -> str:
    """The part of a page that says which cells other code made; empty where none is in it."""
    names = other_code(grid, running) if running.other_code else []
    if not names:
        return ""
    listed = "\n".join(f"- {name}" for name in names)
    return f"\n## Made by other code than the rest\n\n{listed}\n"
