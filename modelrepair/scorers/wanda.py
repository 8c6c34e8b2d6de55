"""Wanda, the score of the published Antidote: |Q|·‖X‖."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from modelrepair.plugin.accumulators import InputNorms
from modelrepair.plugin.formulas import mean_norm, root_mean_square, wanda_score
from modelrepair.plugin.names import SetName, SubjectKind
from modelrepair.plugin.scorer import SiteView, Statistics
from modelrepair.scorers.options import WandaOptions


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
