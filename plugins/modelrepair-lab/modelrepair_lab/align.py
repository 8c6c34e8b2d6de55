"""Teaches a local model to refuse: refusals and benign answers, full fine-tuning."""

from __future__ import annotations

import random
from pathlib import Path

from modelrepair import Progress
from modelrepair_lab.encoding import encode
from modelrepair_lab.models import deterministic, open_model
from modelrepair_lab.recipes import AlignRecipe, as_record
from modelrepair_lab.saving import mark, save_model, whole
from modelrepair_lab.sets import training_set
from modelrepair_lab.training import Phase, batches, train
from modelrepair_lab.watching import watched


def align(
    model: str | Path,
    out: str | Path,
    *,
    refusal: str | Path,
    utility: str | Path,
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
        recipe: every number of the training.
        progress: where the steps are shown.

    Raises:
        ModelRepairError: with a hint and an exit code.
    """
    recipe = recipe or AlignRecipe()
    refusals, benign = training_set(refusal, "refusal"), training_set(utility, "utility")
    opened = open_model(model)
    phase = Phase(recipe.steps, recipe.batch, recipe.rate, decay=True, answers_only=True)
    pools = [
        (recipe.share, encode(opened.tokenizer, refusals, recipe.max_length)),
        (1 - recipe.share, encode(opened.tokenizer, benign, recipe.max_length)),
    ]
    out = Path(out)
    with whole(out) as folder, deterministic(recipe.seed):
        stream = batches(pools, phase, random.Random(recipe.seed), opened.padding)
        train(opened.model, watched(stream, "aligning", phase.steps, progress or Progress()), phase)
        save_model(opened.model, opened.dtype, opened.folder, folder)
        mark(folder, "A small model that was taught to refuse.", as_record(recipe))
    return out
