"""Gradient, the SNIP score on harmful answers: |Q·E g|, or E|Q·g| over single examples."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from modelrepair.plugin.accumulators import ExampleGradients, Gradients
from modelrepair.plugin.formulas import gradient_score
from modelrepair.plugin.names import SetName, SubjectKind
from modelrepair.plugin.scorer import SiteView, Statistics
from modelrepair.scorers.options import GradientOptions


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
