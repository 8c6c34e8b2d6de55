"""The defences of a training and their numbers, with the published ones as defaults; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from modelrepair import UsageError
from modelrepair.plugin.options import parse_options
from modelrepair_lab.limits import above_zero, at_least, not_negative, shares

Variant = Literal["paper", "code"]
MOST_INNER_STEPS = 8
"""Steps of the simulated attack of TAR; the published one takes 64, on several accelerators."""


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True)
class Vaccine:
    """Align against the worst small change of the attention outputs (arXiv 2402.01109).

    >>> Vaccine().rho
    2.0
    """

    rho: float = field(
        default=2.0, metadata=_help("length of the change of all attention outputs together")
    )
    name: ClassVar[str] = "vaccine"

    def __post_init__(self) -> None:
        not_negative(rho=self.rho)


@dataclass(frozen=True)
class RepNoise:
    """Make hidden states of harmful answers noise while aligning (arXiv 2405.14577).

    ``paper`` is RepNoise as its authors published it; ``code`` is the port in Antidote's code,
    without losses inside the network and without the 1 in the logarithm; its alpha is 0.1.

    >>> RepNoise().alpha
    1.0
    """

    alpha: float = field(
        default=1.0,
        metadata=_help("weight of the ascent on harmful answers; 0.1 with variant=code"),
    )
    beta: float = field(default=0.001, metadata=_help("weight of the distance to noise"))
    variant: Variant = field(
        default="paper", metadata=_help("the authors' loss, or that of Antidote's port")
    )
    name: ClassVar[str] = "repnoise"

    def __post_init__(self) -> None:
        not_negative(alpha=self.alpha, beta=self.beta)


@dataclass(frozen=True)
class Tar:
    """Align against simulated fine-tuning attacks (arXiv 2408.00761, algorithm 1), reduced.

    >>> Tar().inner_steps
    8
    """

    inner_steps: int = field(
        default=8, metadata=_help("steps K of a simulated attack, at most 8; published: 64")
    )
    every: int = field(
        default=4,
        metadata=_help("the inner steps after which its loss is taken: each 4th as published"),
    )
    inner_rate: float = field(default=2e-5, metadata=_help("learning rate of the simulated attack"))
    slope: float = field(
        default=0.0625,
        metadata=_help("how fast earlier inner steps count less; 0.5 spans 8 as this one spans 64"),
    )
    weight: float = field(default=4.0, metadata=_help("of the tamper-resistance gradient"))
    retain: float = field(
        default=1.0, metadata=_help("weight of what must be kept: language and hidden states")
    )
    variant: Variant = field(
        default="paper", metadata=_help("squared distance of hidden states, or as in its code")
    )
    name: ClassVar[str] = "tar"

    def __post_init__(self) -> None:
        at_least(1, inner_steps=self.inner_steps, every=self.every)
        above_zero(inner_rate=self.inner_rate)
        not_negative(slope=self.slope, weight=self.weight, retain=self.retain)
        if self.inner_steps > MOST_INNER_STEPS:
            raise UsageError(
                f"inner_steps is {self.inner_steps}", hint=f"it is {MOST_INNER_STEPS} at most"
            )
        if self.every > self.inner_steps:
            raise UsageError(
                f"every is {self.every}, of {self.inner_steps} inner_steps",
                hint="take a loss in each attack: make it smaller",
            )


@dataclass(frozen=True)
class Ldifs:
    """Fine-tune with hidden states held where they were (arXiv 2308.13320).

    ``paper`` normalises each state; ``code`` is the port in Antidote's code, whose weight is 1e-4.

    >>> Ldifs().weight
    10.0
    """

    weight: float = field(default=10.0, metadata=_help("of the distance; 1e-4 with variant=code"))
    variant: Variant = field(
        default="paper", metadata=_help("normalised states, or those of Antidote's port")
    )
    name: ClassVar[str] = "ldifs"

    def __post_init__(self) -> None:
        not_negative(weight=self.weight)


@dataclass(frozen=True)
class Lisa:
    """Fine-tune in turns on safe and on the user's data, each near the other (arXiv 2405.18641).

    >>> Lisa().align_steps, Lisa().user_steps
    (100, 900)
    """

    align_steps: int = field(default=100, metadata=_help("steps on safe data before each switch"))
    user_steps: int = field(
        default=900, metadata=_help("steps on the user's data before each switch")
    )
    rho: float = field(
        default=1.0, metadata=_help("weight of the distance to the weights at the last switch")
    )
    free: float = field(
        default=0.1, metadata=_help("share of all steps before that distance counts")
    )
    rounds: int | None = field(
        default=None,
        metadata=_help("scale both numbers of steps to so many rounds; published runs have 20"),
    )
    name: ClassVar[str] = "lisa"

    def __post_init__(self) -> None:
        at_least(1, align_steps=self.align_steps, user_steps=self.user_steps)
        if self.rounds is not None:
            at_least(1, rounds=self.rounds)
        not_negative(rho=self.rho)
        shares(free=self.free)

    def lengths(self, steps: int) -> tuple[int, int]:
        """K1 and K2 in a fine-tuning of so many steps: on safe data, and on the user's.

        >>> Lisa().lengths(20_000), Lisa(rounds=20).lengths(156)
        ((100, 900), (1, 7))

        Raises:
            UsageError: not one round of both fits.
        """
        safe, user = self.align_steps, self.user_steps
        if self.rounds is not None:
            length = round(steps / self.rounds)
            safe = max(1, round(length * safe / (safe + user)))
            user = max(1, length - safe)
        if safe + user > steps:
            raise UsageError(
                f"a round of lisa has {safe} + {user} steps, and the fine-tuning has {steps}",
                hint="scale them with the option rounds=20 (as many as published runs have), or "
                "give smaller align_steps and user_steps",
            )
        return safe, user


Aligning = Vaccine | RepNoise | Tar
Tuning = Ldifs | Lisa
Defence = Aligning | Tuning

ALIGNING: Mapping[str, type[Aligning]] = {each.name: each for each in (Vaccine, RepNoise, Tar)}
TUNING: Mapping[str, type[Tuning]] = {each.name: each for each in (Ldifs, Lisa)}
PUBLISHED: Mapping[tuple[str, object], Mapping[str, object]] = {
    ("repnoise", "code"): {"alpha": 0.1},
    ("ldifs", "code"): {"weight": 1e-4},
}
"""Numbers of a variant that are not the defaults of its class."""


def read_aligning(name: str, given: Mapping[str, object], typed: str) -> Aligning:
    """A defence of the alignment stage by its name, its options as text or values.

    >>> read_aligning("repnoise", {"variant": "code"}, "--method-option")
    RepNoise(alpha=0.1, beta=0.001, variant='code')

    Args:
        name: one of `ALIGNING`.
        given: its options; what is not given is as published, for the variant that is given.
        typed: the option of the command line that gives them, for the messages.

    Raises:
        UsageError: another name, an option that it has not, or a value that doesn't fit.
    """
    defence: Aligning = _read(name, given, ALIGNING, typed)
    return defence


def read_tuning(name: str, given: Mapping[str, object], typed: str) -> Tuning:
    """A defence of the fine-tuning stage by its name, its options as text or values.

    >>> read_tuning("ldifs", {"variant": "code"}, "--defence-option").weight
    0.0001

    Args:
        name: one of `TUNING`.
        given: its options; what is not given is as published, for the variant that is given.
        typed: the option of the command line that gives them, for the messages.

    Raises:
        UsageError: another name, an option that it has not, or a value that doesn't fit.
    """
    defence: Tuning = _read(name, given, TUNING, typed)
    return defence


def as_numbers(defence: Defence) -> dict[str, Any]:
    """A defence as records hold it.

    >>> as_numbers(Vaccine(rho=1.0))
    {'name': 'vaccine', 'rho': 1.0}
    """
    return {"name": defence.name, **asdict(defence)}


def _read(name: str, given: Mapping[str, object], known: Mapping[str, type], typed: str) -> Any:
    if name not in known:
        raise UsageError(f"no defence named {name!r}", hint=f"known are {', '.join(known)}")
    published = PUBLISHED.get((name, given.get("variant")), {})
    return parse_options(known[name], {**published, **given}, name, typed)
