"""One cell of a crossed grid: a fine-tuned model as it is or repaired, and its figures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelrepair import ModelRepairError, Progress
from modelrepair_lab.attacked import Aligned, Attacked
from modelrepair_lab.cells import Cell, code_of, digest_of, finish, remove, repair_cell, write_cell
from modelrepair_lab.figures import FIGURES, Figures, figures, report_sets
from modelrepair_lab.grid import AS_IT_IS, RepairRow
from modelrepair_lab.identity import digest, stamp, still_valid
from modelrepair_lab.slugs import slug


def crossed_path(out: Path, attacked: Attacked, row: RepairRow) -> Path:
    """The path of a cell's record: tables over other columns share those of their models."""
    return out / "cells" / f"{attacked.folder.name}--{slug(row.name)}.json"


def crossed_digest(attacked: Attacked, row: RepairRow, measure: Mapping[str, Any]) -> str:
    """The digest of all that a cell depends on: one of another digest is run again."""
    return digest([digest_of(attacked, row, measure), FIGURES])


def run_crossed_cell(
    attacked: Attacked,
    row: RepairRow,
    measure: Mapping[str, Any],
    out: Path,
    progress: Progress,
    *,
    keep: bool = False,
    failed: ModelRepairError | None = None,
) -> Cell:
    """Repair a model, measure what came of it, and write that; a failure is a result, too.

    Where a repair finds nothing to repair, or would work backwards, the model stays as it is.

    Args:
        attacked: the model.
        row: the repair; `AS_IT_IS` measures alone.
        measure: arguments that all repairs share.
        out: the table's folder.
        progress: where the steps are shown.
        keep: leave the repaired model in ``out/repaired``.
        failed: why there is no such model.

    Raises:
        RepairInterrupted: the user stopped it; nothing is written then.
    """
    path = crossed_path(out, attacked, row)
    target = out / "repaired" / path.stem
    remove(target)
    sets = {**attacked.ground.sets, **measure}
    cell: dict[str, Any] = {
        "row": attacked.folder.name,
        "seed": attacked.recipe.seed,
        "repair": row.name,
        "digest": crossed_digest(attacked, row, measure),
        "code": code_of(row, measure),
    }

    def work() -> dict[str, Any]:
        if failed is not None:
            raise failed
        return repaired_figures(attacked, row, measure, target, out, report_sets(sets), progress)

    return finish(cell, work, path, target, keep=keep)


def aligned_cell(
    aligned: Aligned, measure: Mapping[str, Any], out: Path, *, other_code: bool = False
) -> Figures:
    """The figures of an aligned model, measured once; none where it can't be measured."""
    ground, path = aligned.ground, out / "cells" / f"{aligned.folder.name}--aligned.json"
    sets = report_sets({**ground.sets, **measure})
    made_of = digest([stamp(aligned.folder), sets, ground.general, measure, FIGURES])
    code = code_of(AS_IT_IS, measure)
    kept = still_valid(path, made_of, None if other_code else code)
    if kept is not None and "error" not in kept:
        return dict(kept["figures"])
    cell: dict[str, Any] = {"aligned": aligned.folder.name, "digest": made_of, "code": code}
    cell["figures"] = {}
    try:
        asked = {**ground.sets, **measure}
        cell["figures"] = figures(aligned.folder, None, sets, ground.general, asked)
    except ModelRepairError as error:
        cell["error"] = str(error)
    write_cell(path, cell)
    return dict(cell["figures"])


def repaired_figures(
    attacked: Attacked,
    row: RepairRow,
    measure: Mapping[str, Any],
    target: Path,
    out: Path,
    sets: Mapping[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    """Repair a model where the row says so, and measure it on the given sets.

    Raises:
        ModelRepairError: the repair or the measurement failed.
    """
    began, verdict, model = time.process_time(), None, attacked.folder
    if row != AS_IT_IS:
        report = repair_cell(attacked, row, measure, target, out, progress)
        verdict, model = report.verdict, report.out or model
    seconds = time.process_time() - began
    ground = attacked.ground
    found = figures(model, ground.reference, sets, ground.general, {**ground.sets, **measure})
    return {
        "status": "done",
        "verdict": verdict,
        "processor_seconds": seconds,
        "figures": found,
    }


def crossed_line(cell: Cell) -> str:
    """One line about a finished cell.

    >>> crossed_line({"row": "sft-0", "repair": "as it is", "status": "error", "error": "no luck"})
    'sft-0, as it is: no luck'
    """
    head = f"{cell['row']}, {cell['repair']}"
    if cell["status"] == "error":
        return f"{head}: {cell['error']}"
    harm, task = (cell["figures"][name] for name in ("harmful_score", "task_accuracy"))
    right = "–" if task is None else f"{task:.3f}"
    return f"{head}: harm {harm:.3f}, task {right}, {cell['processor_seconds']:.0f} s"
