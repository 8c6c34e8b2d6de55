"""Delta scaling: a straight line from the source back to the reference (WiSE-FT)."""

from __future__ import annotations

from torch import Tensor

from modelrepair.plugin import EditView, Options, Statistics
from modelrepair_rivals.weights_alone import WeightsAlone


def scaled_delta(weight: Tensor, reference: Tensor, alpha: float) -> Tensor:
    """(1 − α)·W_ref + α·W (Wortsman et al., arXiv 2109.01903, equation 1).

    >>> import torch
    >>> scaled_delta(torch.tensor([[4.0]]), torch.tensor([[2.0]]), 0.25).item()
    2.5

    Args:
        weight: W, the fine-tuned matrix, ``[out, in]``.
        reference: W_ref, ``[out, in]``.
        alpha: the share of the difference that is left; 0 is the reference's own value, exactly.
    """
    return reference + alpha * (weight - reference)


class WiseFt(WeightsAlone[Options]):
    """Leaves a share α of every difference from the reference; its strength is α."""

    strengths = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.0)

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """Equation 1 for one matrix, ``[out, in]``."""
        assert view.reference is not None
        return scaled_delta(view.weight, view.reference, strength)
