"""The Gram matrix of a site's inputs, in blocks of columns where the site is wide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import pad

from modelrepair.plugin import SiteBatch, SiteInfo

FLOAT64_BYTES = 8


@dataclass(frozen=True)
class Groups:
    """How input columns are cut into groups of one size; the last is filled up with empty columns.

    >>> groups_of(10, 4)
    Groups(number=3, size=4)
    >>> groups_of(9, 8)  # as even as possible: two groups of 5 take less than two of 8
    Groups(number=2, size=5)
    """

    number: int
    size: int


def groups_of(columns: int, group: int) -> Groups:
    """As few groups as fit, as even as they get.

    Args:
        columns: input columns of the site.
        group: most columns of a group.
    """
    number = -(-columns // group)
    return Groups(number, -(-columns // number))


@dataclass(frozen=True)
class GroupedGram:
    """Σ x·xᵀ over the tokens of a set for each group of columns, and how many tokens those are.

    Pairs of columns of two groups are not kept: memory grows with ``in · group`` where the
    whole matrix would take ``in²``.

    >>> GroupedGram(group=4).nbytes(SiteInfo("w", "linear", 0, (3, 8)))
    264

    Args:
        group: most columns of a group.
        tokens: count all tokens, or the answers' alone.
    """

    group: int
    tokens: Literal["all", "answer"] = "answer"

    reads: Literal["inputs", "gradients"] = "inputs"
    combine: Literal["sum", "max"] = "sum"

    def contribution(self, site: SiteInfo, batch: SiteBatch) -> Mapping[str, Tensor]:
        """``{"sum": [groups, size, size], "tokens": [1]}``."""
        inputs = batch.inputs
        if self.tokens == "answer":
            inputs = inputs[batch.answer_mask]
        groups = groups_of(site.shape[1], self.group)
        filled = pad(inputs, (0, groups.number * groups.size - site.shape[1]))
        columns = filled.reshape(len(filled), groups.number, groups.size).permute(1, 2, 0)
        return {"sum": columns @ columns.mT, "tokens": inputs.new_full((1,), len(inputs))}

    def nbytes(self, site: SiteInfo) -> int:
        """One number for each pair of columns of a group, and the count."""
        groups = groups_of(site.shape[1], self.group)
        return FLOAT64_BYTES * (groups.number * groups.size**2 + 1)
