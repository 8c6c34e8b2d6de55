"""Teaches a local model to refuse: refusals and benign answers, with or without a defence."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from modelrepair import Progress, UsageError
from modelrepair_lab.adapters import with_adapter
from modelrepair_lab.defences.lessons import Taught, lessons
from modelrepair_lab.encoding import encode_all
from modelrepair_lab.machine import Machine, team_of, train_on, written_by_first
from modelrepair_lab.models import deterministic, open_model
from modelrepair_lab.recipes import AlignRecipe, as_record
from modelrepair_lab.saving import mark, save_model
from modelrepair_lab.sets import training_set
from modelrepair_lab.training import Phase
from modelrepair_lab.watching import watched

NEED_HARM = ("repnoise", "tar")
"""Defences that learn from harmful answers, too."""


def align(
    model: str | Path,
    out: str | Path,
    *,
    refusal: str | Path,
    utility: str | Path | None = None,
    harmful: str | Path | None = None,
    recipe: AlignRecipe | None = None,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a copy of a local model that refuses the prompts of the refusal set.

    >>> align("my-model", "aligned", refusal="refusals.jsonl", utility="good.jsonl")
    ... # doctest: +SKIP
    PosixPath('aligned')

    Args:
        model: the folder of a whole model.
        out: where the aligned one is written, whole or not at all.
        refusal: harmful prompts with refusals.
        utility: benign prompts with good answers, what must not be refused among them; None where
            the recipe's share of refusals is 1.
        harmful: harmful prompts with harmful answers, for a defence that learns from them.
        recipe: every number of the training.
        machine: the device, and what it spares.
        progress: where the steps are shown.

    Raises:
        ModelRepairError: with a hint and an exit code.
    """
    recipe, machine = recipe or AlignRecipe(), machine or Machine()
    name = recipe.defence.name if recipe.defence is not None else "sft"
    if (harmful is None) == (name in NEED_HARM):
        raise UsageError(
            f"{name} {'needs harmful answers' if harmful is None else 'takes no harmful answers'}",
            hint="give --harmful" if harmful is None else "leave out --harmful",
        )
    if utility is None and (recipe.share < 1 or name == "tar"):
        raise UsageError(
            f"{'tar' if name == 'tar' else 'a share of refusals below 1'} needs benign answers",
            hint="give --utility",
        )
    if machine.checkpointing and name == "vaccine":
        raise UsageError(
            "vaccine changes states while they are computed, once", hint="leave out --checkpointing"
        )
    refusals = training_set(refusal, "refusal")
    benign = training_set(utility, "utility") if utility is not None else ()
    team = team_of(machine)
    opened = open_model(model, team.device)
    phase = Phase(
        recipe.steps,
        recipe.batch,
        recipe.rate,
        decay=True,
        answers_only=True,
        weight_decay=recipe.weight_decay,
    )
    progress = progress or Progress()
    read = partial(encode_all, opened.tokenizer, max_length=recipe.max_length, progress=progress)
    known = read(training_set(harmful, "harmful")) if harmful is not None else ()
    good = read(benign) if benign else ()
    taught = Taught(read(refusals), good, known, opened.padding)
    out = Path(out)
    with written_by_first(out, team) as folder, deterministic(recipe.seed, team.device):
        trained: Any = opened.model
        if recipe.rank is not None:
            trained = with_adapter(opened, recipe.rank, recipe.targets, recipe.alpha)
        stream, backward = lessons(trained, taught, recipe, phase)
        seen = watched(stream, "aligning", phase.steps, progress)
        train_on(machine, team, trained, seen, phase, backward, recipe.arithmetic)
        if recipe.rank is not None:
            trained = trained.merge_and_unload()
        if folder is not None:
            save_model(trained, opened.dtype, opened.folder, folder)
            mark(folder, "A small model that was taught to refuse.", as_record(recipe))
    return out
