"""The statistics that scorers share: sums over batches, each a few tensor operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from modelrepair.plugin.scorer import SiteBatch, SiteInfo

FLOAT64_BYTES = 8


@dataclass(frozen=True)
class InputNorms:
    """How large a site's inputs are, channel by channel.

    ``norm="rms"`` sums ‖X_j‖² over all tokens: the root of its mean over examples is the norm of
    the published Antidote and of Wanda. ``norm="mean"`` sums each example's ‖X_j‖, the mean of
    norms in Antidote's equation 1 (arXiv 2408.09600).

    >>> InputNorms().nbytes(SiteInfo("w", "linear", 0, (4, 8)))
    64

    Args:
        tokens: count all tokens, or the answers' alone.
        norm: which of the two sums.
    """

    tokens: Literal["all", "answer"] = "all"
    norm: Literal["rms", "mean"] = "rms"

    reads: Literal["inputs", "gradients"] = "inputs"
    combine: Literal["sum", "max"] = "sum"

    def contribution(self, site: SiteInfo, batch: SiteBatch) -> Mapping[str, Tensor]:
        """``{"sum": [in]}`` of squares (rms) or of the examples' norms (mean)."""
        squares = batch.inputs.square()
        index = batch.example_index
        if self.tokens == "answer":
            squares, index = squares[batch.answer_mask], index[batch.answer_mask]
        if self.norm == "rms":
            return {"sum": squares.sum(dim=0)}
        by_example = torch.zeros(
            len(batch.examples), site.shape[1], dtype=squares.dtype, device=squares.device
        )
        return {"sum": by_example.index_add_(0, index, squares).sqrt().sum(dim=0)}

    def nbytes(self, site: SiteInfo) -> int:
        """One number an input channel."""
        return FLOAT64_BYTES * site.shape[1]


@dataclass(frozen=True)
class Gradients:
    """The gradient of the summed example losses: ``G = Σ_e g_e``, from ``∂L/∂Yᵀ · X``."""

    reads: Literal["inputs", "gradients"] = "gradients"
    combine: Literal["sum", "max"] = "sum"

    def contribution(self, site: SiteInfo, batch: SiteBatch) -> Mapping[str, Tensor]:
        """``{"sum": [out, in]}``."""
        return {"sum": _gradients(batch).T @ batch.inputs}

    def nbytes(self, site: SiteInfo) -> int:
        """One number an entry."""
        return FLOAT64_BYTES * site.shape[0] * site.shape[1]


@dataclass(frozen=True)
class ExampleGradients:
    """Each example's own gradient g_e, summed with and without its sign: ``Σ g_e`` and ``Σ |g_e|``.

    Averaging over a batch first would let examples cancel each other.
    """

    reads: Literal["inputs", "gradients"] = "gradients"
    combine: Literal["sum", "max"] = "sum"

    def contribution(self, site: SiteInfo, batch: SiteBatch) -> Mapping[str, Tensor]:
        """``{"sum": [out, in], "absolute": [out, in]}``."""
        shape, device = site.shape, batch.inputs.device
        signed, absolute = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
        one = torch.empty_like(signed)  # one example's gradient at a time, in the same memory
        for gradients, inputs in _by_example(batch):
            torch.mm(gradients.T, inputs, out=one)
            signed += one
            absolute += one.abs_()
        return {"sum": signed, "absolute": absolute}

    def nbytes(self, site: SiteInfo) -> int:
        """Two numbers an entry."""
        return 2 * FLOAT64_BYTES * site.shape[0] * site.shape[1]


def _gradients(batch: SiteBatch) -> Tensor:
    if batch.output_gradients is None:
        raise ValueError("this accumulator reads gradients, and the pass records none")
    return batch.output_gradients


def _by_example(batch: SiteBatch) -> Iterator[tuple[Tensor, Tensor]]:
    """Each example's output gradients and inputs, as views: experts see tokens in another order."""
    gradients, inputs, index = _gradients(batch), batch.inputs, batch.example_index
    if bool((index[1:] < index[:-1]).any()):
        order = index.argsort(stable=True)
        gradients, inputs = gradients[order], inputs[order]
    counts = torch.bincount(index, minlength=len(batch.examples)).tolist()
    yield from zip(torch.split(gradients, counts), torch.split(inputs, counts), strict=True)
