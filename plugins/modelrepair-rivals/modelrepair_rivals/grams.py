"""The Gram matrix of a site's inputs: the Hessian of what its outputs lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from modelrepair.plugin import SiteBatch, SiteInfo

FLOAT64_BYTES = 8


@dataclass(frozen=True)
class InputGram:
    """Σ x·xᵀ over the tokens of a set, ``[in, in]``.

    >>> InputGram().nbytes(SiteInfo("w", "linear", 0, (4, 8)))
    512

    Args:
        tokens: count all tokens, or the answers' alone.
    """

    tokens: Literal["all", "answer"] = "all"

    reads: Literal["inputs", "gradients"] = "inputs"
    combine: Literal["sum", "max"] = "sum"

    def contribution(self, site: SiteInfo, batch: SiteBatch) -> Mapping[str, Tensor]:
        """``{"sum": [in, in]}``."""
        inputs = batch.inputs
        if self.tokens == "answer":
            inputs = inputs[batch.answer_mask]
        return {"sum": inputs.T @ inputs}

    def nbytes(self, site: SiteInfo) -> int:
        """One number for each pair of input channels."""
        return FLOAT64_BYTES * site.shape[1] ** 2
