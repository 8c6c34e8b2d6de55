"""SafeMERGE (Djuhera et al., arXiv 2503.17239): what left alignment is merged with a safe change.

A matrix whose change has a low cosine with its projection on what alignment changed, as Safe LoRA
measures it, becomes a weighted mean of the fine-tuning's change and a safe one; the others stay.
"""

from __future__ import annotations

from torch import Tensor

from modelrepair.plugin import EditView, Statistics
from modelrepair_rivals.options import MergingOptions
from modelrepair_rivals.projection import cosine, published_projection
from modelrepair_rivals.weights_alone import WeightsAlone


def merged_change(tuned: Tensor, safe: Tensor, share: float) -> Tensor:
    """α·ΔW_f + (1 − α)·ΔW_s, the paper's linear merge, with share = 1 − α.

    >>> import torch
    >>> merged_change(torch.tensor([[10.0]]), torch.tensor([[5.0]]), 0.2).item()
    9.0

    Args:
        tuned: ΔW_f, what fine-tuning changed, ``[out, in]``.
        safe: ΔW_s, what safety training changed, ``[out, in]``.
        share: of the safe change; 0.2 as published.
    """
    return (1 - share) * tuned + share * safe


class SafeMerge(WeightsAlone[MergingOptions]):
    """Merges the matrices whose cosine is low; its strength is the safe change's share, 1 − α."""

    strengths = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """W_aligned + the merged change where cos(C·ΔW_f, ΔW_f) < τ, else W; ``[out, in]``."""
        assert view.reference is not None
        reference = view.reference.double()
        alignment, tuned = reference - view.models["unaligned"], view.weight.double() - reference
        # Where there is no safety-tuned model, what alignment changed is the safe change.
        safe = view.models["safe"] - reference if self._options.safe else alignment
        if not alignment.any() or not tuned.any():
            return view.weight
        if cosine(published_projection(alignment, tuned), tuned) >= self._options.threshold:
            return view.weight
        return (reference + merged_change(tuned, safe, strength)).float()
