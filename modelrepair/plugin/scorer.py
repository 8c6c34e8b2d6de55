"""What a scorer sees and what it gives: site views, accumulators, statistics, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from modelrepair.plugin.names import SetName, SubjectKind

if TYPE_CHECKING:
    from torch import Tensor

Loss = Literal["log-likelihood", "log-odds"]
"""What gradients are of: `modelrepair.engine.passes.loss` has both."""


@dataclass(frozen=True)
class SiteInfo:
    """A prunable matrix, by name: what an accumulator may know of it.

    ``shape`` is ``(out, in)``; ``kind`` is the layout of its module (``"linear"``, ``"conv1d"``,
    ``"expert"``); ``block`` counts from 0.
    """

    name: str
    kind: str
    block: int
    shape: tuple[int, int]


@dataclass(frozen=True)
class SiteView:
    """A prunable matrix with its values, all ``[out, in]`` float32 on one device.

    ``subject`` is what masking acts on: the weight itself, or its delta from the reference.
    ``reference`` is None where there is none.
    """

    info: SiteInfo
    subject: Tensor
    weight: Tensor
    reference: Tensor | None
    subject_kind: SubjectKind

    @property
    def name(self) -> str:
        """The tensor's name in the checkpoint file; of a part of a tensor, ``tensor#part``."""
        return self.info.name

    @property
    def kind(self) -> str:
        """The layout of the matrix in its module."""
        return self.info.kind


@dataclass(frozen=True)
class SiteBatch:
    """What one batch of examples showed one site; padding is already gone.

    An expert sees the tokens that are routed to it, which may be none.

    Args:
        inputs: ``[tokens, in]`` float32.
        output_gradients: ``[tokens, out]`` float32, or None in a pass without gradients: the
            derivative of the sum over the batch's examples of the mean answer-token loss, in
            the terms that the scorer's ``losses`` name.
        answer_mask: ``[tokens]`` bool, the tokens of the answers.
        example_index: ``[tokens]`` int64, which example of ``examples`` a token belongs to.
        examples: the identities of all examples of the batch.
    """

    inputs: Tensor
    output_gradients: Tensor | None
    answer_mask: Tensor
    example_index: Tensor
    examples: tuple[str, ...]


class Accumulator(Protocol):
    """A statistic that is a sum (or maximum) of batch contributions.

    Instances are frozen and hashable, settings included, so that several scorers share one.
    One that reads ``"inputs"`` may depend on the inputs alone: sites that share an input
    (q, k and v) share its contribution.
    """

    @property
    def reads(self) -> Literal["inputs", "gradients"]:
        """What it looks at; gradients cost a backward pass."""
        ...

    @property
    def combine(self) -> Literal["sum", "max"]:
        """How the host puts the contributions of batches together."""
        ...

    def contribution(self, site: SiteInfo, batch: SiteBatch) -> Mapping[str, Tensor]:
        """What this batch adds, as named float32 tensors; the host adds them up in float64."""
        ...

    def nbytes(self, site: SiteInfo) -> int:
        """The bytes that its state for this site takes (float64)."""
        ...


State: TypeAlias = "Mapping[str, Tensor]"


class Statistics(Protocol):
    """What was accumulated for one site, by set and accumulator."""

    def __getitem__(self, key: tuple[SetName, Accumulator]) -> State: ...

    def examples(self, name: SetName) -> int:
        """How many examples of this set were passed."""
        ...

    def tokens(self, name: SetName) -> int:
        """How many tokens of this set were passed, padding not counted."""
        ...


class Scorer(Protocol):
    """Gives every entry of a site one score: higher means more responsible for harm.

    A scorer may have an attribute ``losses``, a mapping of sets to `Loss`: which loss the
    gradients on a set are of. It is the log-likelihood where nothing is said.

    And it may have an attribute ``known``, the names of sets: of their answers only those tokens
    count as answer tokens that the source knows. It would choose them itself, given the prompt
    and the tokens before, or finds them at least one percent probable. No step is then spent on
    teaching what it never had.

    And it may have a method ``eased``, without arguments: the same scorer with a smaller penalty,
    or None where it has none to ease. A search asks for it where a round finds nothing more that
    is worth masking, and the target is not met.
    """

    @property
    def needs(self) -> Mapping[SetName, Sequence[Accumulator]]:
        """Which statistics it wants of which sets."""
        ...

    def score(self, view: SiteView, statistics: Statistics) -> Tensor:
        """Scores ``[out, in]`` float32, finite."""
        ...
