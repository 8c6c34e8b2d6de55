"""What a repairer sees and what it gives: new values for whole matrices, or a trained model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from modelrepair.plugin.names import SetName
from modelrepair.plugin.scorer import Accumulator, SiteInfo, Statistics

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class EditView:
    """A matrix with its values, all ``[out, in]`` float32 on one device.

    ``reference`` is None where there is none; ``models`` holds the same matrix of the other
    models that the repairer's spec names.
    """

    info: SiteInfo
    weight: Tensor
    reference: Tensor | None
    models: Mapping[str, Tensor]

    @property
    def name(self) -> str:
        """The tensor's name in the checkpoint file; of a part of a tensor, ``tensor#part``."""
        return self.info.name


class SiteRepairer(Protocol):
    """Gives every matrix new values, one matrix at a time."""

    @property
    def strengths(self) -> Sequence[float]:
        """Its knob's settings, from the one that changes least to the one that changes most.

        The search climbs them; a repairer without a knob has one.
        """
        ...

    @property
    def statistics_of(self) -> Literal["source", "reference"]:
        """Which model the sets are passed through."""
        ...

    @property
    def needs(self) -> Mapping[SetName, Sequence[Accumulator]]:
        """Which statistics it wants of which sets."""
        ...

    def edit(self, view: EditView, statistics: Statistics, strength: float) -> Tensor:
        """The new matrix ``[out, in]`` float32, finite; of the same arguments always the same."""
        ...


@dataclass(frozen=True)
class TrainingReference:
    """The aligned model, for a repairer that trains and whose spec says ``reference=True``.

    Args:
        values: the reference's values of one parameter that may change, by the name that it has in
            the model: a new float32 tensor of its shape, where the model is. One at a time is
            read, when it is asked for; any other name is a KeyError.
        model: holds the whole reference for the time of a ``with``, on the same device, in
            ``eval()``, without gradients: what it computes is asked of it. It takes as much memory
            as the model itself, and its vocabulary may be smaller than the model's.
    """

    values: Callable[[str], Tensor]
    model: Callable[[], AbstractContextManager[Any]]


def _unheard(line: str) -> None:
    """Take a line where nothing keeps it."""


@dataclass(frozen=True)
class TrainingContext:
    """What a repairer that trains works with.

    Args:
        model: a causal language model of transformers, whole, float32, in ``eval()``. Those of
            its parameters that may change require gradients.
        sets: the score part of each set, as tokens.
        batch: puts examples side by side, where the model is.
        losses: runs a batch through the model; each example's mean answer-token loss,
            ``[examples]``, in nats, with a gradient.
        device: where the model is.
        seed: of whatever is drawn.
        reference: the aligned model; None unless the spec asks for one.
        note: takes one line, a warning about this training; it goes into report, manifest and
            card, behind the repairer's name.
    """

    model: Any
    sets: Mapping[SetName, tuple[TokenizedExample, ...]]
    batch: Callable[[Sequence[TokenizedExample]], Batch]
    losses: Callable[[Batch], Tensor]
    device: torch.device
    seed: int
    reference: TrainingReference | None = None
    note: Callable[[str], None] = _unheard

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """The parameters that may change."""
        return [each for each in self.model.parameters() if each.requires_grad]


class TrainingRepairer(Protocol):
    """Gives a model new values by training it."""

    def train(self, context: TrainingContext) -> Iterator[float]:
        """Train the model in place; yield the steps taken whenever the model is to be looked at.

        The host looks at the model as it is then, and asks for no more once it is repaired.
        """
        ...


@dataclass(frozen=True)
class TokenizedExample:
    """The tokens of one prompt and its answer.

    Args:
        ids: all tokens; the answer's run from ``answer_start`` to the end.
        answer_start: equals ``len(ids)`` where there is no answer.
        key: the digest of the example.
        cut: how many tokens of the answer ``max_length`` took away.
    """

    ids: tuple[int, ...]
    answer_start: int
    key: str
    cut: int = 0


@dataclass(frozen=True)
class Batch:
    """Examples side by side, padded on the right.

    Args:
        input_ids: ``[examples, tokens]`` int64.
        attention_mask: ``[examples, tokens]`` int64, 0 on padding.
        answer_mask: ``[examples, tokens]`` bool, the answers' tokens.
        keys: the examples' digests, row by row.
    """

    input_ids: Tensor
    attention_mask: Tensor
    answer_mask: Tensor
    keys: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return Batch(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.answer_mask.to(device),
            self.keys,
        )
