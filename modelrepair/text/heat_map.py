"""A map of figures by layer and projection, as cells of a picture that a page draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

WIDE, HIGH = 20, 14
"""Units of the picture: a cell."""
LEFT = 34
"""Room for the layers' numbers."""
LETTER = 6.2
"""The width of a letter of a heading, about."""


class Cell(NamedTuple):
    """One cell.

    Args:
        x: of its left side.
        y: of its upper side.
        strength: of its colour: 0 to 1.
        marked: whether it has a frame.
        title: what it shows, in words.
    """

    x: int
    y: int
    strength: float
    marked: bool
    title: str


@dataclass(frozen=True)
class HeatMap:
    """Figures by layer (downwards) and projection (to the right).

    >>> HeatMap("share changed", {(0, "q_proj"): 0.5, (1, "q_proj"): 0.25}).summary
    'share changed: at most 50.0 %, in layer 0, q_proj'

    Args:
        title: what the figures are, each a share.
        values: (layer, projection) → figure.
        marked: the cells with a frame.
    """

    title: str
    values: Mapping[tuple[int, str], float]
    marked: Collection[tuple[int, str]] = ()

    @property
    def layers(self) -> list[int]:
        """From the first."""
        return sorted({layer for layer, _ in self.values})

    @property
    def projections(self) -> list[str]:
        """By name."""
        return sorted({projection for _, projection in self.values})

    @property
    def most(self) -> float:
        """The largest figure."""
        return max(self.values.values(), default=0.0)

    @property
    def summary(self) -> str:
        """The map in one line, for those who don't see it."""
        if not self.values:
            return f"{self.title}: nothing"
        layer, projection = max(self.values, key=lambda key: self.values[key])
        return f"{self.title}: at most {percent(self.most)}, in layer {layer}, {projection}"

    @property
    def top(self) -> int:
        """Room for the headings."""
        return round(max(map(len, self.projections), default=0) * LETTER) + 8

    @property
    def width(self) -> int:
        """Of the picture."""
        return LEFT + WIDE * len(self.projections) + 4

    @property
    def height(self) -> int:
        """Of the picture."""
        return self.top + HIGH * len(self.layers) + 4

    @property
    def headings(self) -> list[tuple[int, str]]:
        """Where each projection's name begins, and the name."""
        return [(LEFT + WIDE * i + WIDE // 2 + 3, name) for i, name in enumerate(self.projections)]

    @property
    def rows(self) -> list[tuple[int, int]]:
        """Where a layer's number stands, and the number; with many layers every fifth."""
        layers = self.layers
        step = 1 if len(layers) <= 12 else 5
        return [(self.top + HIGH * i + HIGH - 3, layer) for i, layer in enumerate(layers)
                if i % step == 0]  # fmt: skip

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        across = {name: LEFT + WIDE * i for i, name in enumerate(self.projections)}
        down = {layer: self.top + HIGH * i for i, layer in enumerate(self.layers)}
        most = self.most or 1.0
        return [
            Cell(
                across[key[1]],
                down[key[0]],
                round(max(value, 0.0) / most, 3),
                key in self.marked,
                f"layer {key[0]}, {key[1]}: {percent(value)}",
            )
            for key, value in sorted(self.values.items())
        ]


def percent(share: float) -> str:
    """A share as people read it, with the digits that say something.

    >>> percent(0.5), percent(0.000123), percent(0)
    ('50.0 %', '0.012 %', '0 %')
    """
    if share == 0:
        return "0 %"
    return f"{share:.1%}".replace("%", " %") if abs(share) >= 0.001 else f"{share * 100:.2g} %"
