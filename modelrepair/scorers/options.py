"""The options of the built-in scorers, as data: imported by the registry, so without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from modelrepair.registry.specs import SubjectKind


@dataclass(frozen=True)
class WandaOptions:
    """Options of ``wanda``.

    >>> WandaOptions().norm
    'rms'
    """

    norm: Literal["rms", "mean"] = field(
        default="rms",
        metadata={
            "help": "how the input norms of the examples are put together: root of the mean "
            "square (the published code) or mean (the paper's equation 1)"
        },
    )
    tokens: Literal["all", "answer"] = field(
        default="all", metadata={"help": "which tokens count: all of them or the answer's"}
    )


@dataclass(frozen=True)
class GradientOptions:
    """Options of ``gradient``.

    >>> GradientOptions().reduce
    'mean'
    """

    reduce: Literal["mean", "abs"] = field(
        default="mean",
        metadata={"help": "|Q·E g| of the mean gradient, or E|Q·g| over single examples"},
    )


@dataclass(frozen=True)
class ContrastOptions:
    """Options of ``contrast``; ``lambda_`` is typed as ``lambda`` on the command line.

    >>> ContrastOptions().eta_for("weight"), ContrastOptions(eta=0.5).eta_for("delta")
    (1.0, 0.5)
    """

    mu: float = field(
        default=2.0, metadata={"help": "weight of what masking does to the benign answers"}
    )
    lambda_: float = field(
        default=1.0, metadata={"help": "penalty on entries that single benign answers need"}
    )
    benign: Literal["log-odds", "log-likelihood"] = field(
        default="log-odds",
        metadata={
            "help": "what of the benign answers is kept: their log-odds, which say how near a sure "
            "answer is to falling, or their log-likelihood, which says it of unsure ones alone"
        },
    )
    eta: float | None = field(
        default=None,
        metadata={
            "help": "weight of making harmful answers unlikelier; by itself 1 for weights, "
            "0 for deltas and factors"
        },
    )

    def eta_for(self, subject_kind: SubjectKind) -> float:
        """The weight of the harmful answers: as given, else by the subject."""
        if self.eta is not None:
            return self.eta
        return 1.0 if subject_kind == "weight" else 0.0
