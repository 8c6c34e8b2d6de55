"""DG-Hard (Abro and Tahir, arXiv 2605.20296): the noise of fine-tuning is cut off its spectrum.

A matrix' change is taken for a signal of low rank in independent noise. The singular values under
the threshold of Gavish and Donoho (arXiv 1305.5870) are noise and go; the others stay as they are.
No data is needed. The noise' level is unknown, and read from the median singular value with the
exact median of the Marchenko-Pastur law, not the polynomial that approximates the threshold.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from modelrepair.plugin import EditView, Options, Statistics
from modelrepair_rivals.weights_alone import WeightsAlone

POINTS = 100_000
"""Of the integral of the Marchenko-Pastur density: its median is right to 1e-9."""


def known_noise(beta: float) -> float:
    """λ*(β), the optimal threshold in units of σ·√n (Gavish and Donoho, equation 11).

    >>> round(known_noise(1.0) * math.sqrt(3), 9)
    4.0

    Args:
        beta: the shorter side of the matrix over the longer, above 0, up to 1.
    """
    return math.sqrt(
        2 * (beta + 1) + 8 * beta / (beta + 1 + math.sqrt(beta * beta + 14 * beta + 1))
    )


@cache
def median_of_noise(beta: float) -> float:
    """μ_β, the median of the Marchenko-Pastur law of ratio β: of squared singular values.

    >>> round(median_of_noise(1.0), 4)
    0.6528

    Args:
        beta: the shorter side of the matrix over the longer, above 0, up to 1.
    """
    # With λ = 1 + β + 2·√β·cos θ the density is smooth in θ, also at the ends of its support.
    angles = (torch.arange(POINTS, dtype=torch.float64) + 0.5) * math.pi / POINTS
    values = 1 + beta + 2 * math.sqrt(beta) * angles.cos()
    mass = torch.cumsum(2 * angles.sin().square() / values, dim=0) / POINTS
    above = int((mass < 0.5 * mass[-1]).sum())
    before = float(mass[above - 1])
    share = (0.5 * float(mass[-1]) - before) / (float(mass[above]) - before)
    middle = (above + share) * math.pi / POINTS
    return 1 + beta + 2 * math.sqrt(beta) * math.cos(middle)


def unknown_noise(shape: tuple[int, int]) -> float:
    """ω(β) = λ*(β)/√μ_β, the threshold in units of the median singular value.

    >>> round(unknown_noise((50, 50)), 3)
    2.858

    Args:
        shape: (out, in) of the matrix, in either order.
    """
    beta = min(shape) / max(shape)
    return known_noise(beta) / math.sqrt(median_of_noise(beta))


def signal(delta: Tensor, scale: float) -> tuple[Tensor, int]:
    """The change without its noise, and the number of singular values that are left.

    >>> found, rank = signal(torch.diag(torch.tensor([9.0, 1.0, 1.0])), 1.0)
    >>> found.round().tolist(), rank
    ([[9.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 1)

    Args:
        delta: Δ = W − W_base, ``[out, in]``.
        scale: of the threshold ω(β)·median; 1 as published.
    """
    left, values, right = torch.linalg.svd(delta, full_matrices=False)
    rows, columns = delta.shape
    threshold = scale * unknown_noise((rows, columns)) * torch.quantile(values, 0.5)
    rank = int((values > threshold).sum())
    kept: Tensor = (left[:, :rank] * values[:rank]) @ right[:rank]
    return kept, rank


class DgHard(WeightsAlone[Options]):
    """Cuts the noise of the changes off; its strength scales the threshold, 1 as published."""

    strengths = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0)

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """W_base + the signal of W − W_base, ``[out, in]``; W where all of it is signal."""
        assert view.reference is not None
        kept, rank = signal(view.weight.double() - view.reference.double(), strength)
        if rank == min(view.weight.shape):
            return view.weight
        return (view.reference.double() + kept).float()
