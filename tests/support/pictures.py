"""The pictures of repairs, drawn once for equal figures: drawing takes as long as a repair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from modelrepair.artifact.plots import plot_layers
from modelrepair.artifact.records import SiteRecord
from modelrepair.checkpoint.atomic import write_bytes


@pytest.fixture(scope="session", autouse=True)
def pictures_drawn_once():
    """A repair with the same figures gets the picture of the first: its bytes are the same, too."""
    drawn: dict[tuple[str, ...], bytes | None] = {}

    def plot(path: Path, sites: Sequence[SiteRecord], what: str = "masked") -> bool:
        key = (what, *(site.model_dump_json() for site in sites))
        if key not in drawn:
            drawn[key] = path.read_bytes() if plot_layers(path, sites, what) else None
        picture = drawn[key]
        if picture is not None:
            write_bytes(path, picture)
        return picture is not None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modelrepair.artifact.writer.plot_layers", plot)
        yield
