"""Wanda, the score of the published Antidote: |Q|·‖X‖."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from modelrepair.plugin.accumulators import InputNorms
from modelrepair.plugin.names import SetName, SubjectKind
from modelrepair.plugin.scorer import SiteView, Statistics
from modelrepair.scorers.options import WandaOptions


def wanda_score(subject: Tensor, norms: Tensor) -> Tensor:
    """|Q_ij|·‖X_j‖ (Antidote, arXiv 2408.09600, equation 1; Wanda, arXiv 2306.11695, equation 1).

    >>> import torch
    >>> wanda_score(torch.tensor([[1.0, -2.0]]), torch.tensor([3.0, 1.0])).tolist()
    [[3.0, 2.0]]

    Args:
        subject: Q, ``[out, in]``.
        norms: ‖X_j‖ of each input channel, ``[in]``.
    """
    return subject.abs() * norms


def root_mean_square(squares: Tensor, examples: int) -> Tensor:
    """sqrt((1/N)·Σ_x ‖X_j(x)‖²), the norm of the published code, ``[in]``."""
    return (squares / examples).sqrt()


def mean_norm(norms: Tensor, examples: int) -> Tensor:
    """(1/N)·Σ_x ‖X_j(x)‖, the norm of the paper's equation 1, ``[in]``."""
    return norms / examples


class Wanda:
    """Scores entries by their size and by the size of what they are multiplied with."""

    def __init__(self, options: WandaOptions, subject_kind: SubjectKind) -> None:
        self._norms = InputNorms(tokens=options.tokens, norm=options.norm)

    @property
    def needs(self) -> Mapping[SetName, tuple[InputNorms, ...]]:
        """Input norms over the harmful pairs."""
        return {"realign": (self._norms,)}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """Equation 1 for one site, ``[out, in]``."""
        total = statistics["realign", self._norms]["sum"]
        reduce = root_mean_square if self._norms.norm == "rms" else mean_norm
        return wanda_score(view.subject, reduce(total, statistics.examples("realign")).float())
