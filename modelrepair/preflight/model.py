"""A model that was found: where it came from, and its tensors on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.source.resolve import Source

if TYPE_CHECKING:
    from modelrepair.examples.template import Template


@dataclass(frozen=True)
class Model:
    """A model that was found: where it came from, and its tensors on disk.

    Args:
        source: where its files are.
        checkpoint: its tensors: of an adapter, the adapter's own.
        base: what an adapter adapts; None for a whole model.
        adapter: the adapter that was merged into its base to make this model, else None.
        template: what it is asked under, where that is not the source's template.
    """

    source: Source
    checkpoint: Checkpoint
    base: Model | None = None
    adapter: Model | None = None
    template: Template | None = None

    @property
    def name(self) -> str:
        """Its Hub id, or its folder's name."""
        return self.source.id or self.source.name

    @property
    def whole(self) -> Checkpoint:
        """The tensors of the model that it is, or that it adapts."""
        return self.checkpoint if self.base is None else self.base.checkpoint

    @property
    def parameters(self) -> int:
        """The entries of all tensors, an adapter's base included."""
        checkpoints = {id(each): each for each in (self.checkpoint, self.whole)}.values()
        return sum(entry.entries for each in checkpoints for entry in each.entries.values())
