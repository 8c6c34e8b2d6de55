"""Runs a grid: worlds, attacked models, and every cell that is not there yet."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from modelrepair import Event, ModelRepairError, Progress, ResourceError
from modelrepair_lab.attacked import Attacked, make_attacked, make_ground, planned
from modelrepair_lab.cells import (
    Cell,
    arguments_of,
    cell_path,
    digest_of,
    remembered_in,
    repair_cell,
    run_cell,
)
from modelrepair_lab.grid import AttackRow, Grid, RepairRow
from modelrepair_lab.identity import still_valid
from modelrepair_lab.measuring import SCORER

Task = TypeVar("Task")
Result = TypeVar("Result")
MEASURING = RepairRow("measuring", {"scorer": SCORER})
"""What is run before the clock of the first cell: it measures the attacked model for all."""


@dataclass(frozen=True)
class Running:
    """How a grid is run.

    Args:
        out: the folder of worlds, attacked models and cells.
        jobs: attacked models that are worked on at the same time, each with one thread.
        keep: leave the repaired models.
        retry: run cells again that ended in an error.
    """

    out: Path
    jobs: int = 1
    keep: bool = False
    retry: bool = False


def run_grid(grid: Grid, running: Running, progress: Progress) -> list[Cell]:
    """Run every cell that has no result yet, and return all of them.

    Args:
        grid: what to run; repairs that are missing are left out by the caller.
        running: how.
        progress: receives a line for each finished cell.

    Raises:
        ModelRepairError: a world or an attack could not be made.
        ResourceError: a worker died, usually because memory ran out.
    """
    for _ in _each(_make_ground, [(grid, seed, running) for seed in grid.seeds], running, progress):
        pass
    tasks = [(grid, row, seed, running) for row, seed in grid.attacked()]
    for _ in _each(_run_attacked, tasks, running, progress):
        pass
    return read_cells(grid, running)


def read_cells(grid: Grid, running: Running) -> list[Cell]:
    """The cells of a grid that are there, in its order."""
    cells = []
    for row, seed in grid.attacked():
        attacked = planned(grid, row, seed, running.out)
        for each in _repairs(grid, attacked):
            cell = _finished(attacked, each, grid.measure, running.out)
            if cell is not None:
                cells.append(cell)
    return cells


def cell_line(cell: Cell) -> str:
    """One line about a finished cell.

    >>> cell_line({"attack": "a", "seed": 0, "repair": "r", "status": "error", "error": "no luck"})
    'a, seed 0, r: no luck'
    """
    head = f"{cell['attack']}, seed {cell['seed']}, {cell['repair']}"
    if cell["status"] == "error":
        return f"{head}: {cell['error']}"
    before, after = (cell[role]["harmful_score"] for role in ("before", "after"))
    return f"{head}: {cell['verdict']}, harm {before:.3f} → {after:.3f}, {cell['seconds']:.0f} s"


def _make_ground(task: tuple[Grid, int, Running], progress: Progress) -> None:
    grid, seed, running = task
    make_ground(grid, seed, running.out, progress)


def _run_attacked(task: tuple[Grid, AttackRow, int, Running], progress: Progress) -> None:
    """Make one attacked model, and run the cells that it lacks."""
    grid, row, seed, running = task
    attacked = planned(grid, row, seed, running.out)
    rows = [each for each in _repairs(grid, attacked) if _to_run(attacked, each, grid, running)]
    if not rows:
        return
    make_attacked(attacked, progress)
    for each in rows:
        _measure_first(attacked, each, grid, running.out)
        keep = running.keep
        cell = run_cell(attacked, each, grid.measure, running.out, Progress(), keep=keep)
        progress.note(cell_line(cell))


def _measure_first(attacked: Attacked, row: RepairRow, grid: Grid, out: Path) -> None:
    """Measure what all repairs of a model share, so that no cell's time holds it.

    A failure here is that of the cell, which runs into it again and writes it down.
    """
    try:
        arguments = arguments_of(attacked, row, grid.measure)
    except ModelRepairError:
        return
    done = remembered_in(out, attacked, arguments, grid.measure) / "all.done"
    if done.exists():
        return
    first = replace(
        MEASURING, arguments={**MEASURING.arguments, "merge": bool(arguments.get("merge"))}
    )
    with contextlib.suppress(Exception), tempfile.TemporaryDirectory() as folder:
        repair_cell(attacked, first, grid.measure, Path(folder) / "out", out, Progress())
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()


def _repairs(grid: Grid, attacked: Attacked) -> Iterator[RepairRow]:
    return (row for row in grid.repairs if row.tried_on(attacked.recipe))


def _to_run(attacked: Attacked, row: RepairRow, grid: Grid, running: Running) -> bool:
    cell = _finished(attacked, row, grid.measure, running.out)
    return cell is None or (running.retry and cell["status"] == "error")


def _finished(
    attacked: Attacked, row: RepairRow, measure: Mapping[str, Any], out: Path
) -> Cell | None:
    """The record of a cell, where it was run as the grid has it now."""
    path = cell_path(out, attacked, row)
    return still_valid(path, digest_of(attacked, row, measure))


def _each(
    work: Callable[[Task, Progress], Result],
    tasks: Iterable[Task],
    running: Running,
    progress: Progress,
) -> Iterator[Result]:
    """The results of all tasks as they are done: here, or in processes of one thread each."""
    if running.jobs == 1:
        for task in tasks:
            yield work(task, progress)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(running.jobs, context, initializer=_one_thread) as pool:
        futures = [pool.submit(_in_worker, work, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise ResourceError(
                "a worker died, usually because memory ran out",
                hint="run the same command with --jobs 1: it resumes where it stopped",
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _in_worker(work: Callable[[Task, Progress], Result], task: Task) -> Result:
    return work(task, Progress(_spoken))


def _spoken(event: Event) -> None:
    """Notes of a worker go to stderr, whole lines at a time."""
    if event.text is not None:
        sys.stderr.write(event.text + "\n")
        sys.stderr.flush()


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
