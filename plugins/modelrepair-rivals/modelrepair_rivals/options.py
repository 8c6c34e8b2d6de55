"""The options of the rivals, as data: imported by the registry, so without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


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

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise ValueError(f"p is {self.p}, expected a share from 0 to below 1")


@dataclass(frozen=True)
class ProjectionOptions:
    """Options of ``safe-lora``; the paper's threshold τ is the strength.

    >>> ProjectionOptions(unaligned="org/base").projector
    'published'
    """

    unaligned: str = field(
        metadata={"help": "the model that was aligned to make the reference: a Hub id or a folder"}
    )
    projector: Literal["published", "orthonormal"] = field(
        default="published",
        metadata={"help": "V·Vᵀ/‖V‖ as the paper has it, or the orthonormal projector on V"},
    )
    energy: float = field(
        default=0.95,
        metadata={"help": "share of ‖V‖² that the orthonormal projector's directions carry"},
    )

    def __post_init__(self) -> None:
        if not 0 < self.energy <= 1:
            raise ValueError(f"energy is {self.energy}, expected a share above 0, up to 1")


@dataclass(frozen=True)
class ArithmeticOptions:
    """Options of ``resta``; the paper's γ is the strength.

    >>> ArithmeticOptions(unaligned="org/base").drop
    0.0
    """

    unaligned: str = field(
        metadata={"help": "the reference without its safety: a Hub id or a folder"}
    )
    drop: float = field(
        default=0.0,
        metadata={"help": "share of the fine-tuning's changes that DARE drops; 0 is without DARE"},
    )
    seed: int = field(default=0, metadata={"help": "another one, DARE drops others"})

    def __post_init__(self) -> None:
        if not 0 <= self.drop < 1:
            raise ValueError(f"drop is {self.drop}, expected a share from 0 to below 1")


@dataclass(frozen=True)
class MergingOptions:
    """Options of ``safe-merge``; the safe change's share 1 − α is the strength.

    >>> MergingOptions(unaligned="org/base").threshold
    0.35
    """

    unaligned: str = field(
        metadata={"help": "the model that was aligned to make the reference: a Hub id or a folder"}
    )
    threshold: float = field(
        default=0.35, metadata={"help": "τ: matrices with a cosine below it are merged"}
    )
    safe: str | None = field(
        default=None,
        metadata={
            "help": "the reference trained further on safe answers: a Hub id or a folder; without "
            "it, what alignment changed is merged in"
        },
    )

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, expected a cosine above 0, up to 1")


@dataclass(frozen=True)
class ShrinkageOptions:
    """Options of ``csu-lora``; the penalty λ is the strength.

    >>> ShrinkageOptions(unaligned="org/base").energy
    0.95
    """

    unaligned: str = field(
        metadata={"help": "the model that was aligned to make the reference: a Hub id or a folder"}
    )
    energy: float = field(
        default=0.95,
        metadata={"help": "share of the alignment's energy that its left and right spaces carry"},
    )

    def __post_init__(self) -> None:
        if not 0 < self.energy <= 1:
            raise ValueError(f"energy is {self.energy}, expected a share above 0, up to 1")


@dataclass(frozen=True)
class DeltaOptions:
    """Options of ``safe-delta``; the paper's s is the strength.

    >>> DeltaOptions().damping
    0.01
    """

    damping: float = field(
        default=0.01, metadata={"help": "share of the Hessian's mean diagonal added to it"}
    )
    spared: float = field(
        default=0.15,
        metadata={"help": "share of the entries, those that cost safety most, that never change"},
    )
    compensate: bool = field(
        default=True, metadata={"help": "let the other entries make up for the kept changes"}
    )

    def __post_init__(self) -> None:
        if not 0 <= self.spared < 1:
            raise ValueError(f"spared is {self.spared}, expected a share from 0 to below 1")
        if not self.damping > 0:
            raise ValueError(f"damping is {self.damping}, expected more than 0")


@dataclass(frozen=True)
class RealignOptions:
    """Options of ``realign``; the steps are the strength.

    >>> RealignOptions().every
    5
    """

    rate: float = field(default=1e-4, metadata={"help": "learning rate of AdamW"})
    steps: int = field(default=100, metadata={"help": "the most steps"})
    every: int = field(default=5, metadata={"help": "steps between two looks at the model"})
    batch: int = field(default=8, metadata={"help": "refusals, and benign answers, of a step"})
    decay: float = field(default=0.0, metadata={"help": "weight decay"})

    def __post_init__(self) -> None:
        _can_train(self)


@dataclass(frozen=True)
class RestoreOptions:
    """Options of ``restore-direction``; the steps are the strength.

    >>> RestoreOptions().every
    5
    """

    rate: float = field(
        default=0.05, metadata={"help": "learning rate of Adam, in units of a matrix' entries"}
    )
    steps: int = field(default=60, metadata={"help": "the most steps"})
    every: int = field(default=5, metadata={"help": "steps between two looks at the model"})
    batch: int = field(default=8, metadata={"help": "refusals, and benign answers, of a step"})

    def __post_init__(self) -> None:
        _can_train(self)


@dataclass(frozen=True)
class MaskOptions:
    """Options of ``somf``; the steps are the strength.

    >>> MaskOptions().rate
    0.001
    """

    variant: Literal["paper", "code"] = field(
        default="paper",
        metadata={"help": "the paper's λ = 1 and likeliest mask, or the code's 0.3 and drawn mask"},
    )
    rate: float = field(default=1e-3, metadata={"help": "learning rate of Adam, for the logits"})
    steps: int = field(default=300, metadata={"help": "the most steps"})
    every: int = field(default=20, metadata={"help": "steps between two looks at the model"})
    batch: int = field(default=4, metadata={"help": "pairs of answers in a batch"})
    batches: int = field(
        default=4, metadata={"help": "batches in a step, a draw of masks for each"}
    )
    beta: float = field(default=0.1, metadata={"help": "β of the preference loss"})

    def __post_init__(self) -> None:
        _can_train(self)
        if self.batches < 1:
            raise ValueError(f"batches is {self.batches}, expected 1 or more")
        if not self.beta > 0:
            raise ValueError(f"beta is {self.beta}, expected more than 0")


@dataclass(frozen=True)
class DirectionOptions:
    """Options of ``direction-align``; the steps are the strength.

    >>> DirectionOptions().share
    0.002
    """

    variant: Literal["paper", "code"] = field(
        default="paper",
        metadata={"help": "one mean of all prompts, or one a batch and gradients that add up"},
    )
    share: float = field(
        default=0.002, metadata={"help": "of the model's parameters, set back in a step"}
    )
    depth: float = field(
        default=1 / 3, metadata={"help": "share of the layers after which hidden states are taken"}
    )
    steps: int = field(default=20, metadata={"help": "the most steps"})
    every: int = field(default=5, metadata={"help": "steps between two looks at the model"})
    warmup: int = field(
        default=5, metadata={"help": "steps after which it is decided whether to roll back"}
    )
    drop: float = field(
        default=0.05,
        metadata={"help": "share of likely benign answer tokens it may cost till then"},
    )
    rollback: float = field(
        default=0.2, metadata={"help": "share of a step that is rolled back; 0 is never"}
    )
    batch: int = field(default=8, metadata={"help": "prompts in a batch"})

    def __post_init__(self) -> None:
        for name in ("steps", "every", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        if not 0 <= self.warmup < self.steps:
            raise ValueError(f"warmup is {self.warmup}, expected fewer steps than {self.steps}")
        for name in ("share", "depth"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a share above 0")
        for name in ("drop", "rollback"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a share from 0 to 1")


@dataclass(frozen=True)
class OneShotOptions:
    """Options of ``one-shot``; the epochs are the strength.

    >>> OneShotOptions().epochs
    10
    """

    rate: float = field(default=2e-5, metadata={"help": "learning rate of AdamW"})
    epochs: int = field(default=10, metadata={"help": "the most epochs, of one step each"})
    every: int = field(default=1, metadata={"help": "epochs between two looks at the model"})
    candidates: int = field(
        default=256, metadata={"help": "refusals that the one is chosen from, the first of the set"}
    )
    decay: float = field(default=0.0, metadata={"help": "weight decay"})

    def __post_init__(self) -> None:
        _can_train(self)


def _can_train(options: RealignOptions | RestoreOptions | MaskOptions | OneShotOptions) -> None:
    for name in ("steps", "epochs", "every", "batch", "candidates"):
        if getattr(options, name, 1) < 1:
            raise ValueError(f"{name} is {getattr(options, name)}, expected 1 or more")
    if not options.rate > 0:
        raise ValueError(f"rate is {options.rate}, expected more than 0")
