"""Plots of a table as SVG: the same cells give the same bytes. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.atomic import write_bytes
from modelrepair_lab.cells import Cell
from modelrepair_lab.rows import change, open_to_repair

TITLES = {True: "with the reference", False: "without the reference"}
SHAPES = "os^vD<>pPX*h"


def plot_harm_against_utility(path: Path, cells: Sequence[Cell]) -> bool:
    """Plot each cell by remaining harm and cost in utility; False without matplotlib.

    A cell without a measured utility is left out.
    """
    cells = [each for each in open_to_repair(cells) if change(each, "utility") is not None]
    settings = [known for known in TITLES if any(each["with_reference"] == known for each in cells)]
    if not settings:
        return False
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(7 * len(settings), 5))
    for place, known in enumerate(settings):
        axes = figure.add_subplot(1, len(settings), place + 1)
        own = [each for each in cells if each["with_reference"] == known]
        names = list(dict.fromkeys(each["repair"] for each in own))
        for number, name in enumerate(names):
            drawn = [each for each in own if each["repair"] == name]
            axes.scatter(
                [100 * each["after"]["harmful_score"] for each in drawn],
                [100 * (change(each, "utility") or 0.0) for each in drawn],
                label=name,
                marker=SHAPES[number % len(SHAPES)],
                color=f"C{number % 10}",
                alpha=0.7,
            )
        axes.set_xlabel("harmful score after, points")
        axes.set_ylabel("change of utility, points")
        axes.set_title(TITLES[known])
        axes.legend(fontsize="small")
        axes.grid(visible=True, alpha=0.3)
    write_bytes(path, as_svg(figure))
    return True


def as_svg(figure: Any) -> bytes:
    """A figure as text: no font, no clock and no chance in it."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    image = io.BytesIO()
    with rc_context({"svg.hashsalt": "modelrepair", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure)
        figure.savefig(
            image, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
        )
    return image.getvalue()
