"""What this package offers; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelrepair.registry.hookspecs import hookimpl
from modelrepair.registry.specs import Options, ScorerSpec, SetName, SetUse, SubjectKind
from modelrepair_rivals.options import DifferenceOptions, RandomOptions

WEI = "https://arxiv.org/abs/2402.05162"


def no_sets(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """No example set."""
    return {}


def harmful_and_benign(options: Options, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """Harmful answers, and benign ones to spare."""
    return {"realign": "pairs", "utility": "pairs"}


@hookimpl
def modelrepair_scorers() -> Iterable[ScorerSpec]:
    """The rivals that choose entries."""
    return [
        ScorerSpec(
            name="random",
            summary="entries at random: what any scorer has to beat at the same ratio",
            load="modelrepair_rivals.chance:Random",
            sets=no_sets,
            scope="tensor",
            options=RandomOptions,
        ),
        ScorerSpec(
            name="wei-wanda",
            summary="top Wanda on harmful answers minus top Wanda on benign ones (Wei et al.)",
            load="modelrepair_rivals.difference:WandaDifference",
            sets=harmful_and_benign,
            scope="tensor",
            signed=True,
            refill=False,
            options=DifferenceOptions,
            url=WEI,
        ),
        ScorerSpec(
            name="wei-snip",
            summary="top SNIP on harmful answers minus top SNIP on benign ones (Wei et al.)",
            load="modelrepair_rivals.difference:SnipDifference",
            sets=harmful_and_benign,
            scope="tensor",
            gradients=True,
            signed=True,
            refill=False,
            options=DifferenceOptions,
            url=WEI,
        ),
    ]
