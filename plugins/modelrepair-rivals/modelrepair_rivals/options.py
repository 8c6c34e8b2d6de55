"""The options of the rivals, as data: imported by the registry, so without torch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RandomOptions:
    """Options of ``random``.

    >>> RandomOptions().seed
    0
    """

    seed: int = field(default=0, metadata={"help": "another one, another mask"})


@dataclass(frozen=True)
class DifferenceOptions:
    """Options of ``wei-wanda`` and ``wei-snip``; the paper's q is the ratio.

    >>> DifferenceOptions().p
    0.05
    """

    p: float = field(
        default=0.05,
        metadata={"help": "share of each tensor that is spared: the top utility scores"},
    )
