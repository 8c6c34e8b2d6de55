"""Makes the aligned and attacked models of a grid, and measures nothing: also in several processes.

``lab table`` makes each model before its first cell, in one process. Where there are several GPUs,
``accelerate launch`` of a script that calls this trains each model on all of them.
"""

from __future__ import annotations

from pathlib import Path

from modelrepair import Progress
from modelrepair_lab.attacked import make_alignment, make_attacked, planned, planned_alignment
from modelrepair_lab.grid import Grid


def make_models(grid: Grid, out: Path, progress: Progress | None = None) -> list[Path]:
    """Make every model of a grid's attacks that is not there yet; give the folders of all.

    >>> make_models(read_grid("paper-lr", quick=True), Path("paper"))        # doctest: +SKIP

    Args:
        grid: with a model of its own, or a world that is there.
        out: of the table that will use them.
        progress: where the steps are shown.

    Raises:
        ModelRepairError: one could not be made.
    """
    progress = progress or Progress()
    made: dict[Path, None] = {}
    for row, seed in grid.attacked():
        if row.aligned is not None:
            aligned = planned_alignment(grid, row.aligned, seed, out)
            make_alignment(aligned, progress)
            made[aligned.folder] = None
        attacked = planned(grid, row, seed, out)
        make_attacked(attacked, progress)
        made[attacked.folder] = None
    return [*made]
