"""CSULoRA (Marchenko Breneur et al., arXiv 2605.30640): the closest update that alignment allows.

What alignment changed has a left and a right space. A matrix' change lies in both of them, in one,
or in none; the first part is kept, the others shrink, the more the larger their share of the
change. How the penalties depend on that share is our reading of the paper, see `shrunk`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from modelrepair.plugin import EditView, Statistics
from modelrepair_rivals.options import ShrinkageOptions
from modelrepair_rivals.projection import carriers
from modelrepair_rivals.weights_alone import WeightsAlone


class Parts(NamedTuple):
    """A change in three orthogonal parts that sum to it, ``[out, in]`` each."""

    aligned: Tensor
    partial: Tensor
    outside: Tensor


def spaces(alignment: Tensor, energy: float) -> tuple[Tensor, Tensor]:
    """Orthonormal bases of the columns and of the rows that carry an alignment's energy.

    >>> left, right = spaces(torch.diag(torch.tensor([3.0, 1.0])), 0.9)
    >>> left.abs().tolist(), right.abs().tolist()
    ([[1.0], [0.0]], [[1.0], [0.0]])

    Args:
        alignment: W_aligned − W_unaligned, ``[out, in]``.
        energy: the share of its squared norm that they have to carry.

    Returns:
        U ``[out, rank]`` and V ``[in, rank]``: the projectors are U·Uᵀ and V·Vᵀ.
    """
    left, values, right = torch.linalg.svd(alignment, full_matrices=False)
    rank = carriers(values, energy)
    return left[:, :rank], right[:rank].T


def parts(delta: Tensor, left: Tensor, right: Tensor) -> Parts:
    """P·Δ·Q, then P·Δ·(1 − Q) + (1 − P)·Δ·Q, then (1 − P)·Δ·(1 − Q), with P = U·Uᵀ, Q = V·Vᵀ.

    >>> one = torch.tensor([[1.0], [0.0]])
    >>> [each.tolist() for each in parts(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), one, one)]
    [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 2.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 4.0]]]

    Args:
        delta: Δ, what fine-tuning changed, ``[out, in]``.
        left: U, orthonormal columns ``[out, rank]``.
        right: V, orthonormal columns ``[in, rank]``.
    """
    above = left @ (left.T @ delta)
    beside = (delta @ right) @ right.T
    aligned = (above @ right) @ right.T
    partial = above + beside - 2 * aligned
    return Parts(aligned, partial, delta - aligned - partial)


def shrunk(found: Parts, penalty: float) -> Tensor:
    """The change X closest to Δ under penalties on its unsafe parts, in closed form.

    X minimises ‖X − Δ‖² + λ·Σ ρ_k·‖X_k‖² over the parts k that are partial or outside, with
    ρ_k = ‖Δ_k‖²/‖Δ‖², so X = Δ_aligned + Σ Δ_k/(1 + λ·ρ_k). The paper attenuates "according to
    their relative energy": that ρ is the share of the change, and one λ for both, is our reading.

    >>> one, four = torch.tensor([[1.0]]), torch.tensor([[2.0]])
    >>> shrunk(Parts(0 * one, 0 * one, four), 3.0).item()
    0.5

    Args:
        found: the change, in parts.
        penalty: λ; 0 is the change itself, and without end leaves the aligned part alone.
    """
    total = sum(float(part.square().sum()) for part in found)
    kept = found.aligned
    for part in (found.partial, found.outside):
        share = float(part.square().sum()) / total if total else 0.0
        kept = kept + part / (1 + penalty * share)
    return kept


class CsuLora(WeightsAlone[ShrinkageOptions]):
    """Shrinks what lies across alignment; its strength is the penalty λ."""

    strengths = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 1000.0)

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """W_aligned + the shrunk change; ``[out, in]``. W where alignment changed nothing."""
        assert view.reference is not None
        reference = view.reference.double()
        alignment, delta = reference - view.models["unaligned"], view.weight.double() - reference
        if not alignment.any() or not delta.any():
            return view.weight
        found = parts(delta, *spaces(alignment, self._options.energy))
        return (reference + shrunk(found, strength)).float()
