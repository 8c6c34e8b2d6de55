"""Magnitude, the score that looks at no example: |Q|."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from modelrepair.plugin.names import Options, SetName, SubjectKind
from modelrepair.plugin.scorer import Accumulator, SiteView, Statistics


def magnitude_score(subject: Tensor) -> Tensor:
    """|Q_ij| (Han et al., arXiv 1506.02626): Antidote with an empty re-alignment set.

    >>> import torch
    >>> magnitude_score(torch.tensor([[1.0, -2.0]])).tolist()
    [[1.0, 2.0]]
    """
    return subject.abs()


class Magnitude:
    """Scores entries by their size alone."""

    def __init__(self, options: Options, subject_kind: SubjectKind) -> None:
        pass

    @property
    def needs(self) -> Mapping[SetName, tuple[Accumulator, ...]]:
        """Nothing."""
        return {}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """|Q|, ``[out, in]``."""
        return magnitude_score(view.subject)
