"""RESTA (Bhardwaj et al., arXiv 2402.11746): the safety vector is added to the fine-tuned model.

The safety vector is what alignment changed. With DARE (Yu et al., arXiv 2311.03099) a share of the
fine-tuning's own changes is dropped by lot first, and the others are scaled up to make up for them.
"""

from __future__ import annotations

from torch import Tensor

from modelrepair.plugin import EditView, Statistics
from modelrepair_rivals.chance import random_score
from modelrepair_rivals.options import ArithmeticOptions
from modelrepair_rivals.weights_alone import WeightsAlone


def dare(delta: Tensor, drop: float, name: str, seed: int) -> Tensor:
    """DARE: m ⊙ δ / (1 − p) with m ~ Bernoulli(1 − p), of the same mean as δ.

    >>> import torch
    >>> dare(torch.ones(1, 4), 0.5, "layer.weight", seed=0).unique().tolist()
    [0.0, 2.0]

    Args:
        delta: δ, what fine-tuning changed, ``[out, in]``.
        drop: p, the chance of each change to be dropped; 0 drops nothing.
        name: the matrix' name; each is drawn for itself, whatever was drawn before.
        seed: another one, other changes.
    """
    if not drop:
        return delta
    rows, columns = delta.shape
    kept = random_score(name, (rows, columns), seed).to(delta.device) >= drop
    return delta * kept / (1 - drop)


class Resta(WeightsAlone[ArithmeticOptions]):
    """Adds the safety vector; its strength is the share γ of it, 0.5 as published."""

    strengths = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """W + γ·(W_aligned − W_unaligned), with DARE for W − W_aligned in W; ``[out, in]``."""
        assert view.reference is not None
        options, tuned = self._options, view.weight
        if options.drop:
            delta = dare(view.weight - view.reference, options.drop, view.name, options.seed)
            tuned = view.reference + delta
        return tuned + strength * (view.reference - view.models["unaligned"])
