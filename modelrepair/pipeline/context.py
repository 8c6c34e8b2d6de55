"""What all steps of one repair share, and what is worth telling beside its result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.preflight.model import Model
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.preflight.sets import Sets
from modelrepair.progress import Notes, Progress
from modelrepair.search.clock import Clock
from modelrepair.settings.settings import Settings

if TYPE_CHECKING:
    import torch

    from modelrepair.engine.sites import Sites
    from modelrepair.engine.skeleton import Skeleton
    from modelrepair.engine.units import Units
    from modelrepair.evaluation.panel import Panel
    from modelrepair.pipeline.workspace import Workspace


@dataclass(frozen=True)
class RunContext:
    """The source, opened, and everything it is scored and measured with.

    ``remembered`` is where measurements of models as they are lie: default: the workspace.
    """

    settings: Settings
    source: Model
    sets: Sets
    chosen: SelectedPlugins
    skeleton: Skeleton
    sites: Sites
    units: Units | None
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
    def warnings(self) -> tuple[str, ...]:
        """Everything that is worth telling, one line each."""
        return (*self.notes.warnings, *self.chosen.judge_notes)
