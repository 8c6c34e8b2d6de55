"""Runs a grid: worlds, attacked models, and every cell that is not there yet."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from modelrepair import Event, ModelRepairError, Progress, ResourceError
from modelrepair_lab.alone import alone
from modelrepair_lab.attacked import (
    Attacked,
    make_alignment,
    make_attacked,
    make_ground,
    planned,
    planned_alignment,
)
from modelrepair_lab.cells import (
    Cell,
    arguments_of,
    cell_path,
    code_of,
    digest_of,
    remembered_in,
    repair_cell,
    run_cell,
)
from modelrepair_lab.choosing import Chosen, choose, make_candidate, methods, undefended
from modelrepair_lab.crossed_cells import (
    aligned_cell,
    crossed_digest,
    crossed_line,
    crossed_path,
    run_crossed_cell,
)
from modelrepair_lab.crossing import AlignRow
from modelrepair_lab.figures import Figures
from modelrepair_lab.grid import AttackRow, Grid, RepairRow
from modelrepair_lab.identity import still_valid
from modelrepair_lab.measuring import SCORER
from modelrepair_lab.saving import DivergedError

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
        other_code: take finished cells that other code made.
    """

    out: Path
    jobs: int = 1
    keep: bool = False
    retry: bool = False
    other_code: bool = False


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
    make_starts(grid, running, progress)
    tasks = [(grid, row, seed, running) for row, seed in grid.attacked()]
    for _ in each_of(_run_attacked, tasks, running, progress):
        pass
    return read_cells(grid, running)


def make_starts(grid: Grid, running: Running, progress: Progress) -> None:
    """Make the worlds and the alignments that attacks start from, where they are not there.

    Raises:
        ModelRepairError: one could not be made.
    """
    grounds = [(grid, seed, running) for seed in grid.seeds]
    for _ in each_of(_make_ground, grounds, running, progress):
        pass
    starts = [row.aligned for row in grid.attacks]  # a part of a grid may need few of them
    rows = [row for row in grid.crossing.alignments if row in starts] if grid.crossing else []
    aligned = [(grid, row, seed, running) for seed in grid.seeds for row in rows]
    for _ in each_of(_make_alignment, aligned, running, progress):
        pass


def choose_all(grid: Grid, running: Running, progress: Progress) -> list[Chosen]:
    """Choose the setting of every method of a grid that has more than one; none is made twice."""
    wanted = methods(grid)
    if not wanted:
        return []
    make_starts(grid, running, progress)
    assert grid.crossing is not None and grid.crossing.choice is not None
    # Its seed may be none of those that run now.
    make_ground(grid, grid.crossing.choice.seed, running.out, progress)
    # First, and here: several workers would make it at the same time.
    make_candidate(grid, undefended(grid), running.out, progress)
    tasks = [(grid, method, running) for method in wanted]
    found = {each.method: each for each in each_of(_choose, tasks, running, progress)}
    return [found[method] for method in wanted]


def read_aligned(grid: Grid, running: Running) -> dict[str, list[Figures]]:
    """The figures of the aligned models, by their alignment, as `make_starts` measured them."""
    assert grid.crossing is not None
    found = {}
    for row in grid.crossing.alignments:
        plans = [planned_alignment(grid, row, seed, running.out) for seed in grid.seeds]
        there = [each for each in plans if each.folder.exists()]
        found[row.name] = [
            aligned_cell(each, grid.measure, running.out, other_code=running.other_code)
            for each in there
        ]
    return found


def read_cells(grid: Grid, running: Running) -> list[Cell]:
    """The cells of a grid that are there, in its order."""
    cells = []
    for row, seed in grid.attacked():
        attacked = planned(grid, row, seed, running.out)
        for each in _repairs(grid, attacked):
            cell = _finished(attacked, each, grid, running)
            if cell is not None:
                place = {"attack": row.name, "row": row.row, "column": row.column}
                cells.append({**cell, **place} if grid.crossing else cell)
    return cells


def other_code(grid: Grid, running: Running) -> list[str]:
    """The finished cells of a grid that other code made, as their files are called."""
    found = []
    for row, seed in grid.attacked():
        attacked = planned(grid, row, seed, running.out)
        for each in _repairs(grid, attacked):
            path, made_of = _place(attacked, each, grid, running.out)
            kept = still_valid(path, made_of)
            if kept is not None and kept.get("code") != code_of(each, grid.measure):
                found.append(path.stem)
    return found


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


def _make_alignment(task: tuple[Grid, AlignRow, int, Running], progress: Progress) -> None:
    """Make one aligned model, and measure it."""
    grid, row, seed, running = task
    aligned = planned_alignment(grid, row, seed, running.out)
    make_alignment(aligned, progress)
    aligned_cell(aligned, grid.measure, running.out, other_code=running.other_code)


def _choose(task: tuple[Grid, str, Running], progress: Progress) -> Chosen:
    grid, method, running = task
    return choose(
        grid, method, running.out, progress, other_code=running.other_code, retry=running.retry
    )


def _run_attacked(task: tuple[Grid, AttackRow, int, Running], progress: Progress) -> None:
    """Make one attacked model, and run the cells that it lacks."""
    grid, row, seed, running = task
    attacked = planned(grid, row, seed, running.out)
    with alone(attacked.folder, "cells"):
        _run_rows(attacked, grid, running, progress)


def _run_rows(attacked: Attacked, grid: Grid, running: Running, progress: Progress) -> None:
    rows = [each for each in _repairs(grid, attacked) if _to_run(attacked, each, grid, running)]
    if not rows:
        return
    keep, failed = running.keep, None
    try:
        make_attacked(attacked, progress)
    except DivergedError as error:
        failed = error  # a result of that attack, and no reason to leave out the others
    for each in rows:
        if grid.crossing:
            done = run_crossed_cell(
                attacked, each, grid.measure, running.out, Progress(), keep=keep, failed=failed
            )
            progress.note(crossed_line(done))
            continue
        if failed is None:
            _measure_first(attacked, each, grid, running.out)
        cell = run_cell(
            attacked, each, grid.measure, running.out, Progress(), keep=keep, failed=failed
        )
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
    return (row for row in grid.repairs if row.tried_on(attacked.recipe, attacked.row))


def _to_run(attacked: Attacked, row: RepairRow, grid: Grid, running: Running) -> bool:
    cell = _finished(attacked, row, grid, running)
    return cell is None or (running.retry and cell["status"] == "error")


def _finished(attacked: Attacked, row: RepairRow, grid: Grid, running: Running) -> Cell | None:
    """The record of a cell, where it was run as the grid has it now, and by this code."""
    path, made_of = _place(attacked, row, grid, running.out)
    return still_valid(path, made_of, None if running.other_code else code_of(row, grid.measure))


def _place(attacked: Attacked, row: RepairRow, grid: Grid, out: Path) -> tuple[Path, str]:
    """The path of a cell's record, and the digest that it has."""
    if grid.crossing:
        return crossed_path(out, attacked, row), crossed_digest(attacked, row, grid.measure)
    return cell_path(out, attacked, row), digest_of(attacked, row, grid.measure)


def each_of(
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
