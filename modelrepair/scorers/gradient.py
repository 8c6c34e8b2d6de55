"""Gradient, the SNIP score on harmful answers: |Q·E g|, or E|Q·g| over single examples."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from modelrepair.plugin.accumulators import ExampleGradients, Gradients
from modelrepair.plugin.names import SetName, SubjectKind
from modelrepair.plugin.scorer import SiteView, Statistics
from modelrepair.scorers.options import GradientOptions


def gradient_score(subject: Tensor, gradient: Tensor) -> Tensor:
    """|Q_ij·g_ij|, the first-order change of the loss when the entry is masked.

    With g the mean gradient this is SNIP (Lee et al., arXiv 1810.02340, equation 4); with g the
    mean of the examples' |g_e| it is the score of Wei et al. (arXiv 2402.05162, equation 3).

    >>> import torch
    >>> gradient_score(torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 1.0]])).tolist()
    [[3.0, 2.0]]

    Args:
        subject: Q, ``[out, in]``.
        gradient: E g or E|g|, ``[out, in]``.
    """
    return (subject * gradient).abs()


class Gradient:
    """Scores entries by what masking them does to the loss on harmful answers."""

    def __init__(self, options: GradientOptions, subject_kind: SubjectKind) -> None:
        self._absolute = options.reduce == "abs"
        self._gradients = ExampleGradients() if self._absolute else Gradients()

    @property
    def needs(self) -> Mapping[SetName, tuple[Gradients | ExampleGradients, ...]]:
        """Gradients on the harmful pairs."""
        return {"realign": (self._gradients,)}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """|Q·E g| or E|Q·g| for one site, ``[out, in]``."""
        state = statistics["realign", self._gradients]
        total = state["absolute"] if self._absolute else state["sum"]
        return gradient_score(view.subject, (total / statistics.examples("realign")).float())
