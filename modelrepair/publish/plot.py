"""The picture of a repair: which share of every layer and projection was masked or changed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from modelrepair.checkpoint.writer import write_bytes
from modelrepair.publish.manifest import Site

PLOT_NAME = "repair/layers.svg"


def plot_layers(path: Path, sites: Sequence[Site], what: str = "masked") -> bool:
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
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        return False
    shares = [[_percent(sites, block, kind) for block in blocks] for kind in kinds]
    # Text stays text, and ids come from a fixed salt: no font, no clock, no chance in the file.
    with rc_context({"svg.hashsalt": "modelrepair", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3 + 0.25 * len(blocks), 1.5 + 0.3 * len(kinds)))
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        picture = axes.imshow(shares, aspect="auto", cmap="viridis", vmin=0)
        axes.set_xticks(range(0, len(blocks), max(1, len(blocks) // 16)))
        axes.set_xticklabels([str(block) for block in blocks[:: max(1, len(blocks) // 16)]])
        axes.set_yticks(range(len(kinds)), labels=kinds)
        axes.set_xlabel("layer")
        axes.set_title(f"{what} entries, % of each matrix")
        figure.colorbar(picture, ax=axes)
        image = io.BytesIO()
        figure.savefig(
            image, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
        )
    write_bytes(path, image.getvalue())
    return True


def _percent(sites: Sequence[Site], block: int, kind: str) -> float:
    chosen = [site for site in sites if site.block == block and site.kind == kind]
    entries = sum(site.entries for site in chosen)
    return 100 * sum(site.masked for site in chosen) / entries if entries else float("nan")
