"""Where a site's matrix lies in a tensor of the file: whole, transposed, or a slice of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided


@dataclass(frozen=True)
class Place:
    """A matrix in a tensor of the file: entry (i, j) stands at ``offset + i·rows + j·columns``.

    That covers every layout that transformers has: a tensor of its own, a transposed one, one
    expert of a fused tensor, the gate's rows of a packed one, every second row.

    >>> expert = Place("w", (2, 3, 4), (4, 3), offset=12, strides=(1, 4))  # transposed
    >>> expert.of(np.arange(24)).tolist()
    [[12, 16, 20], [13, 17, 21], [14, 18, 22], [15, 19, 23]]
    >>> expert.positions(np.eye(4, 3, dtype=bool)).tolist()
    [12, 17, 22]

    Args:
        tensor: the tensor's name in the file.
        tensor_shape: its shape there.
        shape: the matrix as the site is seen, ``(out, in)``.
        offset: the position of its first entry in the tensor, counted flat.
        strides: how far apart rows, and columns, are; in entries.
    """

    tensor: str
    tensor_shape: tuple[int, ...]
    shape: tuple[int, int]
    offset: int
    strides: tuple[int, int]

    @property
    def tensor_entries(self) -> int:
        """How many entries the whole tensor has."""
        return math.prod(self.tensor_shape)

    @property
    def is_whole(self) -> bool:
        """Whether the tensor holds this matrix and nothing else."""
        return self.shape[0] * self.shape[1] == self.tensor_entries

    @property
    def span(self) -> tuple[int, int]:
        """The range of flat positions in which all entries lie."""
        last = sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        return self.offset, self.offset + last + 1

    def of(self, flat: np.ndarray, start: int = 0, *, writeable: bool = False) -> np.ndarray:
        """The matrix in the tensor's flat entries, ``[out, in]``, nothing copied.

        Args:
            flat: the tensor's entries from flat position ``start`` on, at least up to the last
                of the matrix.
            start: the position of the first one given.
            writeable: whether writing to the view writes to the tensor.
        """
        begin, end = self.span
        part = flat[begin - start : end - start]
        strides = [stride * flat.itemsize for stride in self.strides]
        return as_strided(part, self.shape, strides, writeable=writeable)

    def positions(self, mask: np.ndarray) -> np.ndarray:
        """The flat positions in the tensor of a mask's entries, row by row of the matrix, int64.

        Args:
            mask: ``[out, in]`` bool.
        """
        rows, columns = np.nonzero(mask)
        return self.offset + rows * self.strides[0] + columns * self.strides[1]


def whole(tensor: str, shape: tuple[int, int]) -> Place:
    """The place of a matrix that is a tensor of its own.

    >>> whole("w", (2, 3)).span
    (0, 6)
    """
    return Place(tensor, shape, shape, 0, (shape[1], 1))
