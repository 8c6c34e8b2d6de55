"""Set difference (Wei et al., arXiv 2402.05162): important for harm, and not for utility.

Published as an attack, with safe answers in the place of the harmful ones; turned round it is a
repair. Per tensor, S(p, q) is the top q of the harm scores without the top p of the utility
scores. What is in both is not replaced: the mask is smaller than q.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from modelrepair.plugin import (
    ExampleGradients,
    InputNorms,
    SetName,
    SiteView,
    Statistics,
    SubjectKind,
    gradient_score,
    root_mean_square,
    wanda_score,
)
from modelrepair_rivals.options import DifferenceOptions


def difference_score(harm: Tensor, utility: Tensor, p: float) -> Tensor:
    """The harm scores, negative where the utility score is among the top p of the tensor.

    A scorer that is signed and not refilled ranks entries by size and leaves negative ones: its
    top q are those of the harm scores, and what is masked is S(p, q).

    >>> difference_score(torch.tensor([[3.0, 2.0]]), torch.tensor([[5.0, 1.0]]), 0.5).tolist()
    [[-3.0, 2.0]]

    Args:
        harm: I(W) on harmful answers, ``[out, in]``, not negative.
        utility: I(W) on benign answers, ``[out, in]``.
        p: the share that is spared; int(p·n) entries, as the published code counts.
    """
    spared = torch.topk(utility.flatten(), int(p * utility.numel())).indices
    signs = torch.ones(utility.numel(), device=utility.device)
    signs[spared] = -1
    return harm * signs.reshape(harm.shape)


class WandaDifference:
    """Set difference of two Wanda scores, of the answers' tokens alone."""

    def __init__(self, options: DifferenceOptions, subject_kind: SubjectKind) -> None:
        self._p = options.p
        self._norms = InputNorms(tokens="answer", norm="rms")

    @property
    def needs(self) -> Mapping[SetName, tuple[InputNorms, ...]]:
        """Input norms over harmful and over benign answers."""
        return {"realign": (self._norms,), "utility": (self._norms,)}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """S(p, q) for every q, as scores, ``[out, in]``."""

        def wanda(name: SetName) -> Tensor:
            squares = statistics[name, self._norms]["sum"]
            norms = root_mean_square(squares, statistics.examples(name)).float()
            return wanda_score(view.subject, norms)

        return difference_score(wanda("realign"), wanda("utility"), self._p)


class SnipDifference:
    """Set difference of two SNIP scores, E|W·g| over single examples."""

    def __init__(self, options: DifferenceOptions, subject_kind: SubjectKind) -> None:
        self._p = options.p
        self._gradients = ExampleGradients()

    @property
    def needs(self) -> Mapping[SetName, tuple[ExampleGradients, ...]]:
        """Each example's gradient, over harmful and over benign answers."""
        return {"realign": (self._gradients,), "utility": (self._gradients,)}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """S(p, q) for every q, as scores, ``[out, in]``."""

        def snip(name: SetName) -> Tensor:
            total = statistics[name, self._gradients]["absolute"]
            return gradient_score(view.subject, (total / statistics.examples(name)).float())

        return difference_score(snip("realign"), snip("utility"), self._p)
