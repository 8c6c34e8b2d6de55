"""What all steps of one repair share, and what is worth telling beside its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.clock import Clock
from modelrepair.progress import Progress
from modelrepair.registry.loading import Registered
from modelrepair.registry.specs import Judge, JudgeSpec, RepairerSpec, ScorerSpec
from modelrepair.settings import Settings
from modelrepair.source.resolve import Source

if TYPE_CHECKING:
    import torch

    from modelrepair.examples.keys import SetKey
    from modelrepair.examples.load import ExampleSet
    from modelrepair.examples.splits import Splits
    from modelrepair.examples.template import Template
    from modelrepair.measure.evaluate import Panel
    from modelrepair.points import Point
    from modelrepair.repairing import Repairing
    from modelrepair.rounds import Scoring
    from modelrepair.sweep.sites import Sites
    from modelrepair.sweep.skeleton import Skeleton
    from modelrepair.training import Training
    from modelrepair.workspace import Workspace


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


@dataclass(frozen=True)
class Sets:
    """The example sets, as they were given and as they are cut.

    Args:
        given: by key; made refusals are among them.
        splits: what scores, what the search sees, what is reported.
    """

    given: Mapping[SetKey, ExampleSet]
    splits: Splits


@dataclass(frozen=True)
class Chosen:
    """The plug-ins of a run: scorers in the order they are tried, or a repairer; and the judge.

    ``models`` are those that the repairer needs beside source and reference, by its names.
    """

    scorers: tuple[tuple[Registered[ScorerSpec], Mapping[str, Any]], ...]
    registered_judge: Registered[JudgeSpec]
    judge: Judge
    repairer: Registered[RepairerSpec] | None = None
    models: Mapping[str, Model] = field(default_factory=dict)

    @property
    def judge_inputs(self) -> Mapping[str, str]:
        """What the judge's verdicts depend on beside its options, as far as it says."""
        inputs: Mapping[str, str] = getattr(self.judge, "inputs", {})
        return inputs

    @property
    def judge_notes(self) -> tuple[str, ...]:
        """What the judge says about its verdicts, one line each."""
        return tuple(map(str, getattr(self.judge, "notes", ())))


@dataclass
class Notes:
    """One line for each thing that is worth telling; they go into manifest and report.

    ``cut`` counts, by set, the answers that were cut and the prompts that had no room.
    """

    warnings: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)

    def warn(self, message: str) -> None:
        """Keep one line."""
        if message not in self.warnings:
            self.warnings.append(message)


@dataclass(frozen=True)
class Bench:
    """The source, opened, and everything it is scored and measured with.

    ``remembered`` is where measurements of models as they are lie: by itself in the workspace.
    """

    settings: Settings
    source: Model
    sets: Sets
    chosen: Chosen
    skeleton: Skeleton
    sites: Sites
    panel: Panel
    device: torch.device
    workspace: Workspace
    notes: Notes
    progress: Progress
    remembered: Path
    clock: Clock = field(default_factory=Clock)

    def panel_of(self, model: Model) -> Panel:
        """What a model is measured with: the panel, under its own template if it has one."""
        return (
            self.panel if model.template is None else replace(self.panel, template=model.template)
        )

    @property
    def told(self) -> tuple[str, ...]:
        """Everything that is worth telling, one line each."""
        return (*self.notes.warnings, *self.chosen.judge_notes)


@dataclass(frozen=True)
class Method:
    """A scorer or repairer that searched: its rounds, and the candidates that answered prompts."""

    name: str
    rounds: int
    candidates: int


@dataclass(frozen=True)
class Found:
    """The change that was chosen, what made it, and all that was looked at on the way.

    ``methods`` searched one after the other; ``stopped`` says that time ended the last of them.
    """

    made: Scoring | Repairing | Training
    point: Point
    points: tuple[Point, ...]
    methods: tuple[Method, ...] = ()
    stopped: bool = False
