"""What a run asks of a model, as far as memory and disk depend on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelrepair.examples.load import Example
from modelrepair.plugin.names import SetName


@dataclass(frozen=True)
class Demand:
    """What a run asks of a model; by default, that it is measured.

    >>> Demand(evaluate=False).answered, Demand().answered
    (False, True)

    Args:
        merge: whether an adapter is merged into its base first.
        sets: the examples that the scorer will see, by set; the parts named score of the splits.
        gradients: whether the scorer needs a backward pass.
        iterative: whether it is asked again after every step.
        copies: of the whole model, which a repairer that trains holds where it computes.
        scores: whether the scores of every entry lie on the disk for a round.
        evaluate: whether the result is measured.
        answers: whether that has the whole model generate.
        token_budget: tokens in a batch.
        max_length: tokens in an example.
    """

    merge: bool = False
    sets: Mapping[SetName, Sequence[Example]] = field(default_factory=dict)
    gradients: bool = False
    iterative: bool = False
    copies: int = 0
    scores: bool = False
    evaluate: bool = True
    answers: bool = True
    token_budget: int = 2048
    max_length: int = 1024

    @property
    def answered(self) -> bool:
        """Whether the whole model generates."""
        return self.evaluate and self.answers
