"""The options of the built-in scorers, as data: imported by the registry, so without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from modelrepair.plugin.names import SubjectKind


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

    >>> ContrastOptions().eta, ContrastOptions().benign_for("weight")
    (0.0, 'log-odds')
    """

    mu: float = field(
        default=2.0, metadata={"help": "weight of what masking does to the benign answers"}
    )
    lambda_: float = field(
        default=1.0, metadata={"help": "penalty on entries that single benign answers need"}
    )
    benign: Literal["log-odds", "log-likelihood"] | None = field(
        default=None,
        metadata={
            "help": "what of the benign answers is kept: their log-odds, which say how near a sure "
            "answer is to falling, or their log-likelihood; default: log-odds for weights, "
            "log-likelihood for deltas and factors, where it does as well on answers not seen"
        },
    )
    tokens: Literal["known", "all"] | None = field(
        default=None,
        metadata={
            "help": "which tokens of the benign answers are kept: all, or only those that the "
            "source knows (would choose, or finds at least one percent probable), so that no step "
            "is spent on what it never learnt; default: known for deltas, else all"
        },
    )
    eta: float = field(
        default=0.0,
        metadata={
            "help": "weight of making the given harmful answers unlikelier; without it no harmful "
            "answer is needed"
        },
    )

    def benign_for(self, subject_kind: SubjectKind) -> Literal["log-odds", "log-likelihood"]:
        """The loss on benign answers: as given, else by the subject."""
        if self.benign is not None:
            return self.benign
        return "log-odds" if subject_kind == "weight" else "log-likelihood"

    def tokens_for(self, subject_kind: SubjectKind) -> Literal["known", "all"]:
        """Which tokens of benign answers count: as given, else by the subject."""
        if self.tokens is not None:
            return self.tokens
        return "known" if subject_kind == "delta" else "all"
