"""The options of ``obs``, as data: imported by the registry, so without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Benign = Literal["utility", "refusal", "none"]
"""The set whose saliency is subtracted."""


@dataclass(frozen=True)
class ObsOptions:
    """Options of ``obs``.

    >>> ObsOptions().damping
    0.01
    """

    minus: Benign = field(
        default="utility",
        metadata={"help": "the set whose saliency is subtracted; none ranks by harm alone"},
    )
    tokens: Literal["all", "answer"] = field(
        default="answer",
        metadata={"help": "tokens that count: a prompt says nothing about how it is answered"},
    )
    damping: float = field(
        default=0.01,
        metadata={"help": "share of the Hessian's mean diagonal that is added to its diagonal"},
    )
    group: int = field(
        default=2048,
        metadata={"help": "most input columns that share a Hessian: a wider matrix gets several"},
    )

    def __post_init__(self) -> None:
        if not 0 <= self.damping < float("inf"):
            raise ValueError(f"damping is {self.damping}, expected 0 or more")
        if self.group < 1:
            raise ValueError(f"group is {self.group}, expected 1 or more")
