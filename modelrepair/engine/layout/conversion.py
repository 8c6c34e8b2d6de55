"""Parameters that are made of other tensors than the file's, by transformers' own conversions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

import torch
from torch import Tensor

from modelrepair.engine.layout.places import Place

PROBE = 2
"""How many columns of every tensor are traced through a conversion: enough to see a stride."""


@dataclass(frozen=True, eq=False)
class Conversion:
    """One use of a conversion: the file tensors that go in, and the parameters that come out.

    Args:
        converter: transformers' ``WeightConverter``, never used up: each use takes a copy.
        model: the model that it is for.
        target: the first parameter that it gives.
        sources: pattern of the converter → names of the file's tensors, in transformers' order.
        shapes: their shapes in the file.
    """

    converter: Any
    model: Any
    target: str
    sources: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, tuple[int, ...]]

    def convert(self, read: Callable[[str], Tensor]) -> dict[str, Tensor]:
        """Make the parameters, by their names in the model.

        Args:
            read: gives a tensor of the file by its name.
        """
        one_use = deepcopy(self.converter)
        for pattern, names in self.sources.items():
            for name in names:
                one_use.add_tensor(self.target, name, pattern, read(name))
        made = one_use.convert(self.target, model=self.model, config=self.model.config)
        return {
            name: value[0] if isinstance(value, list) else value for name, value in made.items()
        }

    def made_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the parameters, from the shapes in the file alone."""
        made = self.convert(lambda name: torch.empty(self.shapes[name], device="meta"))
        return {name: tuple(value.shape) for name, value in made.items()}

    def trace(self) -> dict[str, Tensor]:
        """The parameters with, for each entry, where in the file it comes from.

        A few columns of each tensor are numbered, one tensor after the other, and go through the
        conversion in place of values: conversions move rows, experts and axes, never columns.
        """
        starts = dict(zip(self._names, self._starts, strict=True))

        def numbers(name: str) -> Tensor:
            shape = _probe(self.shapes[name])
            return torch.arange(starts[name], starts[name] + prod(shape)).view(shape)

        return self.convert(numbers)

    def place(self, numbers: Tensor, shape: tuple[int, int]) -> Place | None:
        """Where a matrix lies in the file, or None where it is no evenly spaced part of a tensor.

        Args:
            numbers: the matrix as it lies in the parameter that `trace` gave.
            shape: the matrix's own shape, ``(out, in)``.
        """
        first = int(numbers.min())
        number = bisect_right(self._starts, first) - 1
        name, start = self._names[number], self._starts[number]
        width = self.shapes[name][-1]
        offset = (first - start) // min(PROBE, width) * width
        if (stride := self._stride(number, numbers, shape)) is not None:
            return Place(name, self.shapes[name], shape, offset, (stride, 1))
        if (stride := self._stride(number, numbers.T, shape[::-1])) is not None:
            return Place(name, self.shapes[name], shape, offset, (1, stride))
        return None

    def _stride(self, number: int, rows: Tensor, shape: tuple[int, ...]) -> int | None:
        """How far apart a matrix's rows are in a tensor, or None where they are no rows of it.

        Args:
            number: which tensor.
            rows: what was traced of the matrix.
            shape: the matrix's own, as it would lie in the file.
        """
        whole = self.shapes[self._names[number]]
        width, columns = whole[-1], min(PROBE, whole[-1])
        first = int(rows[0, 0])
        end = self._starts[number] + prod(_probe(whole))
        if tuple(rows.shape) != (shape[0], columns) or shape[1] != width:
            return None
        step = int(rows[1, 0]) - first if shape[0] > 1 else columns
        even = first + step * torch.arange(shape[0])[:, None] + torch.arange(columns)
        if not torch.equal(rows, even) or step < 0 or step % columns or int(rows[-1, -1]) >= end:
            return None
        return step // columns * width

    @cached_property
    def _names(self) -> list[str]:
        return list(self.shapes)

    @cached_property
    def _starts(self) -> list[int]:
        """The first number of each tensor's traced entries."""
        sizes = (prod(_probe(self.shapes[name])) for name in self._names)
        return list(accumulate(sizes, initial=0))[:-1]


@dataclass(frozen=True, eq=False)
class Made:
    """Says of a parameter that a conversion makes it, and under which name."""

    conversion: Conversion
    target: str


def _probe(shape: tuple[int, ...]) -> tuple[int, ...]:
    *leading, width = shape
    return (*leading, min(PROBE, width))
