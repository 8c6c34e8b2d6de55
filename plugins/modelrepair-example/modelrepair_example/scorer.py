"""The scorer: which statistics it reads, and what it makes of them."""

from __future__ import annotations

from modelrepair.plugin import ExampleGradients, Gradients, SiteView, Statistics, SubjectKind
from torch import Tensor


class ExampleScorer:
    """High where masking an entry makes refusals likelier and leaves benign answers alone."""

    def __init__(self, options: None, subject_kind: SubjectKind) -> None:
        self._mean, self._single = Gradients(), ExampleGradients()
        self.needs = {"refusal": [self._mean], "utility": [self._single]}

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """The scores of one matrix, ``[out, in]`` float32."""
        refusal = statistics["refusal", self._mean]["sum"] / statistics.examples("refusal")
        benign = statistics["utility", self._single]["absolute"] / statistics.examples("utility")
        return (view.subject * refusal - view.subject.abs() * benign).float()
