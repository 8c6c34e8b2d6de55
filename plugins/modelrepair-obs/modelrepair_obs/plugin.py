"""What this package offers; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelrepair.plugin import ScorerSpec, SetName, SetUse, SubjectKind, hookimpl
from modelrepair_obs.options import ObsOptions


def harmful_and_benign(options: ObsOptions, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """Harmful answers, and those whose saliency is subtracted.

    >>> harmful_and_benign(ObsOptions(minus="none"), "weight")
    {'realign': 'pairs'}
    """
    if options.minus == "none":
        return {"realign": "pairs"}
    return {"realign": "pairs", options.minus: "pairs"}


@hookimpl
def modelrepair_scorers() -> Iterable[ScorerSpec]:
    """The scorer ``obs``."""
    yield ScorerSpec(
        name="obs",
        summary="Optimal Brain Surgeon saliency on harmful answers minus that on benign ones",
        load="modelrepair_obs.scorer:OptimalBrainSurgeon",
        sets=harmful_and_benign,
        scope="tensor",
        signed=True,
        options=ObsOptions,
        url="https://arxiv.org/abs/2301.00774",
    )
