"""The pictures of a repair: what share of each matrix was changed, and what was tried."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelrepair.artifact.records import CandidateRecord, SiteRecord
from modelrepair.checkpoint.atomic import write_bytes

PLOT_NAME = "repair/layers.svg"
FRONTIER_NAME = "repair/frontier.svg"


def plot_layers(path: Path, sites: Sequence[SiteRecord], what: str = "masked") -> bool:
    """Draw the changed share by layer and projection as SVG; the same input gives the same bytes.

    >>> plot_layers(Path("layers.svg"), manifest.sites)  # doctest: +SKIP
    True

    Args:
        path: the file to write.
        sites: the sites of a manifest.
        what: became of the entries: ``"masked"`` or ``"changed"``.

    Returns:
        False where matplotlib is not installed, or no site belongs to a layer.
    """
    blocks = sorted({site.block for site in sites if site.block is not None})
    kinds = list(dict.fromkeys(site.kind for site in sites if site.block is not None))
    if not blocks:
        return False
    shares = [[_percent(sites, block, kind) for block in blocks] for kind in kinds]
    with _figure(path, 3 + 0.25 * len(blocks), 1.5 + 0.3 * len(kinds)) as figure:
        if figure is None:
            return False
        axes = figure.add_subplot()
        picture = axes.imshow(shares, aspect="auto", cmap="viridis", vmin=0)
        axes.set_xticks(range(0, len(blocks), max(1, len(blocks) // 16)))
        axes.set_xticklabels([str(block) for block in blocks[:: max(1, len(blocks) // 16)]])
        axes.set_yticks(range(len(kinds)), labels=kinds)
        axes.set_xlabel("layer")
        axes.set_title(f"{what} entries, % of each matrix")
        figure.colorbar(picture, ax=axes)
    return True


def plot_frontier(path: Path, points: Sequence[CandidateRecord]) -> bool:
    """Draw what was tried, harm against utility, a line for each scorer.

    >>> plot_frontier(Path("frontier.svg"), manifest.search)  # doctest: +SKIP
    True

    Args:
        path: the file to write.
        points: the points of a search.

    Returns:
        False where fewer than two points were measured both ways, or matplotlib is not installed.
    """
    drawn = [
        (point, 100 * point.measures.utility.value, 100 * point.measures.harmful_score.value)
        for point in points
        if point.measures and point.measures.utility and point.measures.harmful_score
    ]
    if len(drawn) < 2:
        return False
    with _figure(path, 6, 4) as figure:
        if figure is None:
            return False
        axes = figure.add_subplot()
        for scorer in dict.fromkeys(point.scorer for point, *_ in drawn):
            own = [each for each in drawn if each[0].scorer == scorer]
            axes.plot([x for _, x, _ in own], [y for *_, y in own], "o-", label=scorer)
            for point, x, y in own:
                axes.annotate(f"{100 * point.share:.3g} %", (x, y), fontsize=7)
        for point, x, y in drawn:
            if point.chosen:
                axes.plot([x], [y], "s", markersize=11, fillstyle="none", label="chosen")
        axes.set_xlabel("utility, %")
        axes.set_ylabel("harmful answers, %")
        axes.set_title("what was tried, by the share masked")
        axes.legend()
    return True


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure that becomes this file at the end of the block; None where nothing can draw."""
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        yield None
        return
    # Text stays text, and ids come from a fixed salt: no font, no clock, no chance in the file.
    with rc_context({"svg.hashsalt": "modelrepair", "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        yield figure
        image = io.BytesIO()
        figure.savefig(
            image, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
        )
    write_bytes(path, image.getvalue())


def _percent(sites: Sequence[SiteRecord], block: int, kind: str) -> float:
    chosen = [site for site in sites if site.block == block and site.kind == kind]
    entries = sum(site.entries for site in chosen)
    return 100 * sum(site.masked for site in chosen) / entries if entries else float("nan")
