"""Safe Delta (Lu et al., arXiv 2505.12038): the changes that safety can afford, compensated.

The aligned model's loss on safe answers is approximated to second order, with the Hessian
H = 2·X·Xᵀ/N of a layer's inputs. Of the changes that fine-tuning made, those are kept that cost
safety least, until a budget is spent; the others go back to the aligned values, and what is left
of the layer makes up for those that were kept (optimal brain surgeon).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from modelrepair.plugin import EditView, SetName, Statistics
from modelrepair_rivals.grams import InputGram
from modelrepair_rivals.options import DeltaOptions

BLOCK = 128
"""Columns that are compensated together."""
PUBLISHED_ENTRIES = 4096**2
"""The matrix size for which the published code states s; the budget grows with the entries."""


def inverse_factor(gram: Tensor, damping: float) -> Tensor:
    """The upper Cholesky factor U of H⁻¹ = Uᵀ·U, as SparseGPT computes it.

    >>> inverse_factor(torch.tensor([[4.0, 0.0], [0.0, 0.25]]), 0.0).diagonal().tolist()
    [0.5, 2.0]

    Args:
        gram: H, ``[in, in]``, symmetric and not negative.
        damping: share of its mean diagonal that is added to the diagonal.
    """
    hessian = gram.clone()
    diagonal = hessian.diagonal()
    diagonal[diagonal == 0] = 1  # a channel without input: its change costs nothing
    diagonal += damping * diagonal.mean()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
    upper: Tensor = torch.linalg.cholesky(inverse, upper=True)
    return upper


def kept_changes(delta: Tensor, factor: Tensor, budget: float, spared: float) -> Tensor:
    """Which changes are kept: those cheapest by input channel, until the budget is spent.

    A change of entry m costs δ_m²/u_m², with u the factor's diagonal. Entries are
    taken in the order of 1/u_m², and as many as their costs' running sum stays within the
    budget. As in the published code, the entries of the channels that cost most are never kept.

    >>> delta = torch.tensor([[1.0, 1.0]])
    >>> kept_changes(delta, torch.diag(torch.tensor([1.0, 0.5])), budget=1.5, spared=0.0).tolist()
    [[True, False]]

    Args:
        delta: W_sft − W_aligned, ``[out, in]``.
        factor: U, ``[in, in]``.
        budget: ε, the loss that safety can afford.
        spared: the share of all entries, those whose change costs most, that is never kept.
    """
    price = (1 / factor.diagonal().square()).expand_as(delta).flatten()
    order = torch.argsort(price, stable=True)
    order = order[: len(order) - int(spared * len(order))]
    spent = torch.cumsum(delta.flatten()[order].square() * price[order], dim=0)
    kept = torch.zeros(delta.numel(), dtype=torch.bool, device=delta.device)
    kept[order] = spent <= budget
    return kept.reshape(delta.shape)


def compensated(aligned: Tensor, tuned: Tensor, kept: Tensor, factor: Tensor) -> Tensor:
    """The aligned matrix with the kept changes, and the other entries making up for them.

    Column by column: what a column's entries were and are now differs by e; the columns to the
    right move by −e/U_jj · U_j before their own entries are kept or not. Columns of one block
    move at once, those behind it when it is done: the same sums in fewer products.

    >>> W, kept = torch.tensor([[1.0, 1.0]]), torch.tensor([[True, False]])
    >>> U = torch.tensor([[1.0, 0.5], [0.0, 1.0]])
    >>> compensated(W, torch.tensor([[3.0, 9.0]]), kept, U).tolist()
    [[3.0, 2.0]]

    Args:
        aligned: W_aligned, ``[out, in]``.
        tuned: W_sft, ``[out, in]``.
        kept: where the tuned value is kept, ``[out, in]`` bool.
        factor: U, ``[in, in]``.
    """
    weight = aligned.clone()
    for start in range(0, weight.shape[1], BLOCK):
        stop = min(start + BLOCK, weight.shape[1])
        errors = torch.zeros_like(weight[:, start:stop])
        for column in range(start, stop):
            before = weight[:, column].clone()
            after = torch.where(kept[:, column], tuned[:, column], before)
            error = (before - after) / factor[column, column]
            weight[:, column + 1 : stop] -= error.outer(factor[column, column + 1 : stop])
            weight[:, column] = after
            errors[:, column - start] = error
        weight[:, stop:] -= errors @ factor[start:stop, stop:]
    return weight


class SafeDelta:
    """Keeps what fine-tuning changed as far as safety can afford it; its strength is s."""

    strengths = (
        *(1000.0, 300.0, 150.0, 100.0, 80.0, 65.0, 50.0, 40.0, 30.0, 20.0, 10.0),
        *(5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.0),
    )
    statistics_of: Literal["source", "reference"] = "reference"

    def __init__(self, options: DeltaOptions) -> None:
        self._options = options
        self._gram = InputGram()

    @property
    def needs(self) -> Mapping[SetName, tuple[InputGram, ...]]:
        """The inputs' Gram matrix over safe answers."""
        return {"refusal": (self._gram,)}

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """The repaired matrix at a safety budget of ``strength``, ``[out, in]``."""
        assert view.reference is not None
        aligned, tuned = view.reference.double(), view.weight.double()
        gram = 2 * statistics["refusal", self._gram]["sum"] / statistics.examples("refusal")
        factor = inverse_factor(gram, self._options.damping)
        size = aligned.numel() / PUBLISHED_ENTRIES
        budget = strength * size * float((1 / factor.diagonal().square()).mean())
        kept = kept_changes(tuned - aligned, factor, budget, self._options.spared)
        if not self._options.compensate:
            return torch.where(kept, tuned, aligned).float()
        return compensated(aligned, tuned, kept, factor).float()
