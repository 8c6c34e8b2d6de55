"""Teaches a local model to refuse: refusals and benign answers, with or without a defence."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from modelrepair import Progress, UsageError
from modelrepair_lab.adapters import with_adapter
from modelrepair_lab.defences.lessons import Taught, lessons
from modelrepair_lab.encoding import encode
from modelrepair_lab.models import deterministic, open_model
from modelrepair_lab.recipes import AlignRecipe, as_record
from modelrepair_lab.saving import mark, save_model, whole
from modelrepair_lab.sets import training_set
from modelrepair_lab.training import Phase, train
from modelrepair_lab.watching import watched

NEED_HARM = ("repnoise", "tar")
"""Defences that learn from harmful answers, too."""


def align(
    model: str | Path,
    out: str | Path,
    *,
    refusal: str | Path,
    utility: str | Path,
    harmful: str | Path | None = None,
    recipe: AlignRecipe | None = None,
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
        utility: benign prompts with good answers, what must not be refused among them.
        harmful: harmful prompts with harmful answers, for a defence that learns from them.
        recipe: every number of the training.
        progress: where the steps are shown.

    Raises:
        ModelRepairError: with a hint and an exit code.
    """
    recipe = recipe or AlignRecipe()
    name = recipe.defence.name if recipe.defence is not None else "sft"
    if (harmful is None) == (name in NEED_HARM):
        raise UsageError(
            f"{name} {'needs harmful answers' if harmful is None else 'takes no harmful answers'}",
            hint="give --harmful" if harmful is None else "leave out --harmful",
        )
    refusals, benign = training_set(refusal, "refusal"), training_set(utility, "utility")
    opened = open_model(model)
    phase = Phase(recipe.steps, recipe.batch, recipe.rate, decay=True, answers_only=True)
    read = partial(encode, opened.tokenizer, max_length=recipe.max_length)
    known = read(training_set(harmful, "harmful")) if harmful is not None else ()
    taught = Taught(read(refusals), read(benign), known, opened.padding)
    out = Path(out)
    with whole(out) as folder, deterministic(recipe.seed):
        trained: Any = opened.model
        if recipe.rank is not None:
            trained = with_adapter(opened, recipe.rank, recipe.targets, recipe.alpha)
        stream, backward = lessons(trained, taught, recipe, phase)
        seen = watched(stream, "aligning", phase.steps, progress or Progress())
        train(trained, seen, phase, backward)
        if recipe.rank is not None:
            trained = trained.merge_and_unload()
        save_model(trained, opened.dtype, opened.folder, folder)
        mark(folder, "A small model that was taught to refuse.", as_record(recipe))
    return out
