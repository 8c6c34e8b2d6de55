"""A table from start to end: run the grid, then write CSV, Markdown and plots from its cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair import Progress
from modelrepair.checkpoint.atomic import write_text
from modelrepair_lab.cells import Cell
from modelrepair_lab.grid import Grid, Part
from modelrepair_lab.markdown import page
from modelrepair_lab.missing import missing
from modelrepair_lab.plots import plot_harm_against_utility
from modelrepair_lab.rows import as_csv
from modelrepair_lab.runner import Running, read_cells, run_grid

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
    now = (part or Part()).of(grid)
    absent = missing(grid.repairs)
    for name, reason in absent.items():
        progress.note(f"Left out: {name}: {reason}")
    present = tuple(row for row in grid.repairs if row.name not in absent)
    grid = replace(grid, repairs=present)
    now = replace(now, repairs=tuple(row for row in now.repairs if row in present))
    run_grid(now, running, progress)
    cells = tuple(read_cells(grid, running))
    plotted = plot_harm_against_utility(running.out / PLOT, cells)
    text = page(grid, cells, absent, plot=PLOT if plotted else None)
    write_text(running.out / CSV, as_csv(cells))
    write_text(running.out / MARKDOWN, text)
    return Table(cells, absent, text, running.out)
