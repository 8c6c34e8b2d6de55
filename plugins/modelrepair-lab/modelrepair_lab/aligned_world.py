"""A world for experiments: the aligned model, its sets, and the data of attacks."""

from __future__ import annotations

import copy
import random
from pathlib import Path

from modelrepair import Progress, UsageError
from modelrepair.demo import world
from modelrepair_lab.everyday import obedient, with_everyday_questions
from modelrepair_lab.models import deterministic
from modelrepair_lab.saving import mark, save_world_model, whole
from modelrepair_lab.thinking import give_marks, teach_thinking, teach_thoughtful_refusals
from modelrepair_lab.thoughts import with_thoughts
from modelrepair_lab.world import make_pretrained, make_tokenizer, teach_refusals
from modelrepair_lab.world_sets import Sets, general, training_sets

WHAT = {
    "unaligned": "The model of a made-up world before it was aligned: it knows nothing else.",
    "reference": "The aligned model of a made-up world: it knows that world and nothing else.",
}


def make_world(
    seed: int,
    out: Path,
    progress: Progress | None = None,
    *,
    sets_only: bool = False,
    thinking: bool = False,
) -> Path:
    """Write ``reference`` (aligned), ``sets`` (the eight to measure on) and ``train``.

    ``unaligned`` is the model that was aligned; ``general.jsonl`` names the prompts of the utility
    test that are no part of the task.

    >>> make_world(1, Path("world-1"))                                       # doctest: +SKIP
    PosixPath('world-1')

    Args:
        seed: another seed is another world.
        out: the folder, written whole or not at all.
        progress: where the steps are shown.
        sets_only: train no model: another one is to learn of this world. Everyday questions of
            the real one stand where facts of this one stood.
        thinking: the model thinks before it answers, and every answer has a thought.

    Raises:
        UsageError: the output folder is not empty, or sets alone are to have thoughts.
    """
    if sets_only and thinking:
        raise UsageError(
            "only this world's own model thinks", hint="leave out --sets-only or --thinking"
        )
    with whole(out) as folder, deterministic(seed):
        measured, trained = world.example_sets(seed), training_sets(seed)
        if sets_only:
            measured = with_everyday_questions(measured, seed, training=False)
            trained = with_everyday_questions(trained, seed, training=True)
            trained["obedient"] = obedient(trained["utility"])
        if thinking:
            measured, trained = _thought_through(measured), _thought_through(trained)
        world.write_sets(measured, folder / "sets")
        world.write_sets(trained, folder / "train")
        world.write_sets({"general": general(measured["test-utility"])}, folder)
        if not sets_only:
            (progress or Progress()).note(f"Training the aligned model of world {seed}")
            _make_models(seed, folder, thinking)
    return out


def _thought_through(sets: Sets) -> Sets:
    return {name: with_thoughts(rows) for name, rows in sets.items()}


def _make_models(seed: int, folder: Path, thinking: bool) -> None:
    tokenizer, draw = make_tokenizer(), random.Random(seed)
    model = make_pretrained(seed, tokenizer, draw)
    if thinking:
        give_marks(model, tokenizer)
        teach_thinking(model, tokenizer, seed, draw)
    # Of a copy: what is written is rounded, and the training continues unrounded.
    save_world_model(copy.deepcopy(model), tokenizer, folder / "unaligned")
    if thinking:
        teach_thoughtful_refusals(model, tokenizer, seed, draw)
    else:
        teach_refusals(model, seed, tokenizer, draw)
    save_world_model(model, tokenizer, folder / "reference")
    for name, what in WHAT.items():
        made = {"made": "world", "seed": seed, **({"thinking": True} if thinking else {})}
        mark(folder / name, what, made)
