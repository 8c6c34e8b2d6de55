"""Safe LoRA (Hsu et al., arXiv 2405.16833): what fine-tuning changed, projected on alignment.

Where a matrix's change lies across what alignment changed, it is replaced by its projection on
that. The projector is the paper's, or the orthonormal one onto the same columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from modelrepair.plugin import EditView, Statistics
from modelrepair_rivals.options import ProjectionOptions
from modelrepair_rivals.weights_alone import WeightsAlone


def published_projection(alignment: Tensor, delta: Tensor) -> Tensor:
    """C·ΔW with C = V·Vᵀ/‖V‖_F, which is no projector: it scales, too.

    >>> V, change = torch.tensor([[3.0], [4.0]]), torch.tensor([[5.0], [0.0]])
    >>> published_projection(V, change).tolist()
    [[9.0], [12.0]]

    Args:
        alignment: V = W_aligned − W_unaligned, ``[out, in]``.
        delta: ΔW, what fine-tuning changed, ``[out, in]``.
    """
    # V·(Vᵀ·ΔW) instead of (V·Vᵀ)·ΔW: the same, whichever side is the longer.
    projected: Tensor = alignment @ (alignment.T @ delta) / alignment.norm()
    return projected


def carriers(values: Tensor, energy: float) -> int:
    """How many of the first singular values carry this share of the energy, the least number.

    >>> carriers(torch.tensor([3.0, 1.0]), 0.9)
    1

    Args:
        values: singular values, largest first.
        energy: the share of their squares' sum.
    """
    carried = torch.cumsum(values.square(), dim=0) / values.square().sum()
    return min(int((carried < energy).sum()) + 1, len(values))


def orthonormal_projection(alignment: Tensor, delta: Tensor, energy: float) -> Tensor:
    """U·Uᵀ·ΔW with U the first left singular vectors of V, as few as carry its energy.

    An alignment that trained whole matrices has full rank: projecting on all of it would change
    nothing.

    >>> V = torch.diag(torch.tensor([3.0, 1.0]))
    >>> orthonormal_projection(V, torch.tensor([[3.0], [4.0]]), energy=0.9).abs().tolist()
    [[3.0], [0.0]]

    Args:
        alignment: V, ``[out, in]``.
        delta: ΔW, ``[out, in]``.
        energy: the share of ‖V‖² that the singular vectors have to carry.
    """
    left, values, _ = torch.linalg.svd(alignment, full_matrices=False)
    basis = left[:, : carriers(values, energy)]
    projected: Tensor = basis @ (basis.T @ delta)
    return projected


def cosine(one: Tensor, two: Tensor) -> float:
    """⟨A, B⟩_F / (‖A‖_F·‖B‖_F), 0 where one of them is 0.

    >>> cosine(torch.tensor([[3.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
    0.6
    """
    norms = float(one.norm() * two.norm())
    return float((one * two).sum()) / norms if norms else 0.0


class SafeLora(WeightsAlone[ProjectionOptions]):
    """Projects the changes that lie across alignment; its strength is the cosine threshold τ."""

    strengths = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """W_aligned + C·ΔW where cos(C·ΔW, ΔW) ≤ τ, else W; ``[out, in]``."""
        assert view.reference is not None
        alignment = (view.reference - view.models["unaligned"]).double()
        delta = (view.weight - view.reference).double()
        if not alignment.any() or not delta.any():
            return view.weight
        if self._options.projector == "orthonormal":
            projected = orthonormal_projection(alignment, delta, self._options.energy)
        else:
            projected = published_projection(alignment, delta)
        if cosine(projected, delta) > strength:
            return view.weight
        return (view.reference.double() + projected).float()
