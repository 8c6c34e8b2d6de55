"""Candidates of a repairer that trains: the model at each stop, rounded to the file's dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modelrepair.engine.dtypes import TORCH_DTYPES
from modelrepair.engine.edits import Edits, rounded
from modelrepair.engine.passes.loss import batch_losses
from modelrepair.engine.sites import Sites
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.weights import Weights
from modelrepair.errors import ModelRepairError, PluginError, UnsupportedModelError, out_of_memory
from modelrepair.plugin.calls import who
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.names import SetName
from modelrepair.plugin.repairer import (
    Batch,
    TokenizedExample,
    TrainingContext,
    TrainingReference,
    TrainingRepairer,
)
from modelrepair.plugin.specs import RepairerSpec
from modelrepair.progress import Progress
from modelrepair.search.candidates import Candidate
from modelrepair.search.editing import point_of, put_changed, remember_edits

LONGEST_NOTE = 300
"""Characters of a repairer's note that are kept."""


@dataclass(frozen=True)
class Training:
    """What every candidate of one training shares.

    Args:
        skeleton: the model on the meta device, for looking at candidates.
        trained: another of it, which is filled and trained.
        sites: the matrices that may change.
        weights: reads the source.
        registered: the repairer's spec, and who offers it.
        repairer: the repairer itself.
        sets: the score part of each set, as tokens.
        batch: puts examples side by side.
        seed: of whatever is drawn.
        folder: where its candidates lie.
        aligned: the reference on the meta device, and what reads it; None where none is asked for.
        warn: takes what the repairer notes.
    """

    skeleton: Skeleton
    trained: Skeleton
    sites: Sites
    weights: Weights
    registered: Registered[RepairerSpec]
    repairer: TrainingRepairer
    sets: Mapping[SetName, tuple[TokenizedExample, ...]]
    batch: Callable[[Sequence[TokenizedExample]], Batch]
    seed: int
    folder: Path
    aligned: tuple[Skeleton, Weights] | None
    warn: Callable[[str], None]


def candidates(
    training: Training, progress: Progress, until: float | None = None
) -> Iterator[Candidate]:
    """The model as it is whenever the repairer stops to have it looked at.

    An interrupted training begins again, and what was looked at before is remembered: the same
    seed takes the same steps.

    Args:
        training: the training.
        progress: where the steps are shown.
        until: leave out what comes before so many steps, and stop there; None for all.

    Raises:
        PluginError: the repairer fails, or the training diverges.
        UnsupportedModelError: a matrix to train is made of several tensors of the file.
    """
    parameters = _parameters(training)
    with training.trained.filled_model(training.weights.read) as model:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in parameters)
        device = training.skeleton.device
        context = TrainingContext(
            model=model,
            sets=training.sets,
            batch=lambda examples: training.batch(examples).to(device),
            losses=lambda batch: batch_losses(model, batch, device),
            device=device,
            seed=training.seed,
            reference=_reference(training, parameters, device),
            note=lambda line: training.warn(_noted(training, line)),
        )
        try:
            for steps in _steps(training, context):
                progress.note(f"{training.registered.spec.name}: {steps:g} steps")
                if until is None or steps >= until:
                    model.eval()
                    if point := _candidate(training, model, parameters, steps):
                        yield point
                if until is not None and steps >= until:
                    return
        finally:
            model.requires_grad_(False)


def _parameters(training: Training) -> dict[str, str]:
    """The parameters that may change, and the tensors of the file that they are."""
    wanted = {tensor.name for tensor in training.sites.tensors}
    files = training.trained.files
    found = {name: file for name, file in files.items() if isinstance(file, str) and file in wanted}
    if missing := sorted(wanted - set(found.values())):
        raise UnsupportedModelError(
            f"{missing[0]} can't be trained: the model computes with a parameter made of several "
            "tensors of the file",
            hint="leave it out with --exclude, or take a repairer that does not train",
        )
    return found


def _reference(
    training: Training, parameters: Mapping[str, str], device: torch.device
) -> TrainingReference | None:
    """The reference as a repairer sees it, tensor by tensor or whole."""
    if training.aligned is None:
        return None
    skeleton, weights = training.aligned
    return TrainingReference(
        # A tied parameter has one name, and what may change is in both files by the same.
        values=lambda name: weights.values(parameters[name]).to(device),
        model=lambda: skeleton.filled_model(weights.read),
    )


def _noted(training: Training, line: str) -> str:
    """One line of a repairer, behind its name."""
    return f"{training.registered.spec.name}: {' '.join(str(line).split())[:LONGEST_NOTE]}"


def _steps(training: Training, context: TrainingContext) -> Iterator[float]:
    """The repairer's stops; an error in it is reported as the repairer's."""
    made = training.repairer.train(context)
    while True:
        try:
            with torch.enable_grad():
                steps = float(next(made))
        except StopIteration:
            return
        except Exception as error:
            if isinstance(error, ModelRepairError) or out_of_memory(error):
                raise
            raise PluginError(
                f"{who(training.registered)} failed: {type(error).__name__}: {error}",
                hint="this is a fault of the plug-in, or of the model it was given; "
                "--debug shows more",
            ) from error
        yield steps


def _candidate(
    training: Training, model: Any, parameters: Mapping[str, str], steps: float
) -> Candidate | None:
    """The model as it is now, as an edit; None where nothing differs from the source."""
    folder = training.folder / "points" / f"{steps:.6e}"

    def make(edits: Edits) -> dict[str, Any]:
        changed = 0
        for name, file in parameters.items():
            value, dtype = model.get_parameter(name).detach(), training.weights.dtype_of(file)
            if not torch.isfinite(value.to(TORCH_DTYPES[dtype])).all():
                raise PluginError(
                    f"{who(training.registered)} diverged: {file} is not finite after {steps:g} "
                    "steps",
                    hint="give it a smaller learning rate",
                )
            old = training.weights.bits(file)
            changed += put_changed(edits, file, rounded(value, dtype).reshape(-1), old)
        return {"changed": changed}

    changed = remember_edits(folder, make)["changed"]
    if not changed:
        return None
    return point_of(training.registered, steps, changed, training.sites, folder)
