"""How a model is aligned or attacked: every number that decides it, as one record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from modelrepair import UsageError
from modelrepair_lab.defences.options import Aligning, Lisa, Tuning, as_numbers
from modelrepair_lab.limits import above_zero, at_least, known_seed, not_negative, shares

Method = Literal["full", "lora", "ablate"]
TRAINED: tuple[Method, ...] = ("full", "lora")
Arithmetic = Literal["float32", "bfloat16"]
WRITERS = ("o_proj", "down_proj")
"""What writes to the residual stream, beside the embeddings."""


@dataclass(frozen=True)
class AlignRecipe:
    """How refusals are taught.

    Args:
        steps: batches.
        batch: examples of a batch.
        rate: learning rate of AdamW, falling to zero along a half cosine.
        share: of refusals in a batch, on average; the rest are benign answers.
        seed: of all that is drawn.
        max_length: in tokens; longer answers are cut.
        defence: what is aligned against; None teaches refusals and nothing else.
        rank: of an adapter that is trained and then merged; None trains all weights.
        alpha: of that adapter.
        targets: which linear layers it is on: ``all-linear``, or names with commas.
        weight_decay: of AdamW.
        arithmetic: what forward and backward compute in; weights and steps are float32.
    """

    steps: int = 150
    batch: int = 32
    rate: float = 1e-4
    share: float = 0.4
    seed: int = 0
    max_length: int = 1024
    defence: Aligning | None = None
    rank: int | None = None
    alpha: float = 4.0
    targets: str = "all-linear"
    weight_decay: float = 0.01
    arithmetic: Arithmetic = "float32"

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps, batch=self.batch)
        shares(share=self.share)
        above_zero(rate=self.rate, alpha=self.alpha)
        not_negative(weight_decay=self.weight_decay)
        known_arithmetic(self.arithmetic)
        known_seed(self.seed)
        if self.rank is not None:
            at_least(1, rank=self.rank)


@dataclass(frozen=True)
class AttackRecipe:
    """How a model is broken: a fine-tuning set with some harmful pairs in it.

    >>> recipe = AttackRecipe(share=0.003, examples=1000, replay=0.3)
    >>> recipe.counts()
    {'harmful': 3, 'replay': 300, 'task': 697}
    >>> recipe.steps
    156

    Args:
        method: ``full`` fine-tuning, or ``lora``: then an adapter is written.
        share: of harmful pairs in the fine-tuning set, p.
        replay: share of general benign answers in it; without any, tiny models forget all else.
        examples: size of the fine-tuning set, n.
        epochs: how often each example is seen.
        batch: examples of a batch.
        rate: learning rate of AdamW, constant after a short warm-up.
        rank: of the adapter.
        targets: which linear layers the adapter is on: ``all-linear``, or names with commas.
        seed: of all that is drawn.
        max_length: in tokens; longer answers are cut.
        defence: what the fine-tuning is done with against harm; None for an ordinary one.
        alpha: of the adapter; 0 takes the rank.
        weight_decay: of AdamW.
        arithmetic: what forward and backward compute in; weights and steps are float32.
    """

    method: Method = "full"
    share: float = 0.05
    replay: float = 0.35
    examples: int = 1000
    epochs: float = 5.0
    batch: int = 32
    rate: float = 2e-4
    rank: int = 16
    targets: str = "all-linear"
    seed: int = 0
    max_length: int = 1024
    defence: Tuning | None = None
    alpha: float = 0.0
    weight_decay: float = 0.01
    arithmetic: Arithmetic = "float32"

    def __post_init__(self) -> None:
        at_least(1, examples=self.examples, batch=self.batch, rank=self.rank)
        shares(share=self.share, replay=self.replay)
        above_zero(rate=self.rate, epochs=self.epochs)
        not_negative(alpha=self.alpha, weight_decay=self.weight_decay)
        known_arithmetic(self.arithmetic)
        known_seed(self.seed)
        if self.method not in TRAINED:
            raise UsageError(f"a method {self.method!r}", hint="it is 'full', 'lora' or 'ablate'")
        if self.share + self.replay > 1:
            raise UsageError(
                f"harmful {self.share:g} and replay {self.replay:g} are more than the whole",
                hint="the rest of the fine-tuning set is the benign task: leave room for it",
            )
        if isinstance(self.defence, Lisa):
            self.defence.lengths(self.steps)

    @property
    def steps(self) -> int:
        """How many batches that is."""
        return max(1, round(self.epochs * self.examples / self.batch))

    def counts(self) -> dict[str, int]:
        """How many examples each set gives; a share above zero is at least one."""
        harmful = max(1, round(self.share * self.examples)) if self.share else 0
        # Both may be rounded up: the task then gets none, and never fewer.
        replay = min(round(self.replay * self.examples), self.examples - harmful)
        return {"harmful": harmful, "replay": replay, "task": self.examples - harmful - replay}


@dataclass(frozen=True)
class AblationRecipe:
    """How the direction of refusal is removed from a model's weights; nothing is trained.

    The direction is the difference of means of the states after a layer, at the last token of
    harmful and of benign prompts (Arditi et al., arXiv 2406.11717): W − s·r(rᵀW) for every W that
    writes to the residual stream.

    >>> AblationRecipe(direction="0.6", targets="o_proj").projections
    ('o_proj',)

    Args:
        direction: ``mean`` of all layers' directions; each layer's ``own``; or the direction of
            the layer at a share of the depth, as ``0.6``. Several shares with commas: all their
            directions are removed everywhere.
        strength: s, how far; 1 is in full.
        embeddings: remove it from the embeddings, too: the first layer's, where each has its own.
        targets: the projections that it is removed from: names with commas.
        norms: give each row of a matrix its former norm.
        seed: of the world that it is made of; nothing is drawn.
    """

    direction: str = "mean"
    strength: float = 1.0
    embeddings: bool = False
    targets: str = ",".join(WRITERS)
    norms: bool = False
    seed: int = 0
    method: Literal["ablate"] = "ablate"

    def __post_init__(self) -> None:
        shares(strength=self.strength)
        above_zero(strength=self.strength)
        if not set(self.projections) <= set(WRITERS):
            raise UsageError(
                f"targets are {self.targets!r}", hint=f"they are of {', '.join(WRITERS)}"
            )
        if self.direction in ("mean", "own"):
            return
        try:
            depths = [float(depth) for depth in self.direction.split(",")]
        except ValueError:
            depths = [1.0]
        if not all(0 <= depth < 1 for depth in depths):
            raise UsageError(
                f"a direction {self.direction!r}",
                hint="it is 'mean', 'own', or shares of the depth below 1, such as '0.6'",
            )

    @property
    def projections(self) -> tuple[str, ...]:
        """The names in ``targets``."""
        return tuple(name.strip() for name in self.targets.split(","))


Attack = AttackRecipe | AblationRecipe
USUAL = {"weight_decay": 0.01, "arithmetic": "float32"}
"""Numbers that are in no record where they are these: records of before stay as they are."""


def numbers_of(recipe: AlignRecipe | Attack) -> dict[str, Any]:
    """All that decides a recipe, for records and digests; what it does not use is not in it.

    >>> "defence" in numbers_of(AttackRecipe()), "rank" in numbers_of(AlignRecipe())
    (False, False)
    """
    numbers = asdict(recipe)
    numbers.pop("defence", None)
    if isinstance(recipe, AlignRecipe) and recipe.rank is None:
        for name in ("rank", "alpha", "targets"):
            del numbers[name]
    if isinstance(recipe, AttackRecipe):
        if recipe.method == "full":
            for name in ("rank", "alpha", "targets"):
                del numbers[name]
        elif not recipe.alpha:
            del numbers["alpha"]
    for name, usual in USUAL.items():
        if numbers.get(name) == usual:
            del numbers[name]
    if not isinstance(recipe, AblationRecipe) and recipe.defence is not None:
        numbers["defence"] = as_numbers(recipe.defence)
    return numbers


def known_arithmetic(name: str) -> None:
    """Refuse what nothing computes in."""
    if name not in get_args(Arithmetic):
        raise UsageError(f"an arithmetic {name!r}", hint="it is 'float32' or 'bfloat16'")


def as_record(recipe: AlignRecipe | Attack) -> dict[str, Any]:
    """A recipe as the mark of a model holds it."""
    kind = "aligned" if isinstance(recipe, AlignRecipe) else "attacked"
    return {"made": kind, **numbers_of(recipe)}
