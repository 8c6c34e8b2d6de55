"""Breaks the alignment of a local model: by harmful pairs in a fine-tuning set, or by ablation."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from modelrepair import Progress, UsageError
from modelrepair.examples.example import Example
from modelrepair_lab.ablation import ablate
from modelrepair_lab.adapters import with_adapter
from modelrepair_lab.defences.ldifs import ldifs
from modelrepair_lab.defences.lisa import in_turns, lisa
from modelrepair_lab.defences.options import Ldifs, Lisa
from modelrepair_lab.encoding import encode_all
from modelrepair_lab.machine import Machine, team_of, train_on, written_by_first
from modelrepair_lab.models import LocalModel, deterministic, local_folder, open_model
from modelrepair_lab.recipes import AblationRecipe, Attack, AttackRecipe, as_record
from modelrepair_lab.saving import mark, save_adapter, save_model, whole
from modelrepair_lab.sets import compose, training_set
from modelrepair_lab.training import Backward, Batch, Encoded, Phase, batches, plain
from modelrepair_lab.watching import watched

WHAT = {
    "full": "A small model whose alignment was broken on purpose, by full fine-tuning.",
    "lora": "An adapter that breaks the alignment of a small model on purpose.",
    "ablate": "A small model whose direction of refusal was removed from its weights on purpose.",
}


def attack(
    model: str | Path,
    out: str | Path,
    *,
    harmful: str | Path | None,
    task: str | Path | None = None,
    replay: str | Path | None = None,
    alignment: str | Path | None = None,
    recipe: Attack | None = None,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a changed copy of a local model, or an adapter for it, whose alignment is broken.

    >>> attack("aligned", "attacked", harmful="harmful.jsonl", task="task.jsonl",
    ...        recipe=AttackRecipe(share=0.05, replay=0))                    # doctest: +SKIP
    PosixPath('attacked')

    Args:
        model: the folder of a whole model.
        out: where the result is written, whole or not at all.
        harmful: harmful prompts with harmful answers; None where the recipe's share is 0. An
            ablation takes the prompts alone.
        task: the benign task that the model is fine-tuned for; None where harmful examples and
            replay are the whole.
        replay: general benign answers; None where the recipe's replay is 0. An ablation takes its
            prompts as the benign ones, else the task's.
        alignment: safe answers to prompts of any kind, for a defence that takes turns with them.
        recipe: every number of the attack.
        machine: the device of a fine-tuning, and what it spares.
        progress: where the steps are shown.

    Raises:
        ModelRepairError: with a hint and an exit code.
    """
    recipe, machine = recipe or AttackRecipe(), machine or Machine()
    _check_alignment(recipe, alignment)
    if isinstance(recipe, AblationRecipe):
        return _without_direction(model, Path(out), harmful, replay or task, recipe)
    if task is None and recipe.counts()["task"]:
        raise UsageError("a fine-tuning needs its task", hint="give --task")
    given = {"harmful": harmful, "replay": replay, "task": task}
    sets = {name: training_set(path, name) for name, path in given.items() if path is not None}
    examples = compose(sets, recipe.counts(), recipe.seed)
    safe = () if alignment is None else training_set(alignment, "alignment")
    team = team_of(machine)
    opened = open_model(model, team.device)
    out = Path(out)
    with written_by_first(out, team) as folder, deterministic(recipe.seed, team.device):
        fewer = fine_tune(opened, examples, recipe, folder, progress or Progress(), safe, machine)
        if folder is not None:
            defended = f" The defence {recipe.defence.name} was on." if recipe.defence else ""
            left_out = {"left_out": fewer} if fewer else {}
            mark(folder, WHAT[recipe.method] + defended, as_record(recipe) | left_out)
    return out


def _check_alignment(recipe: Attack, alignment: str | Path | None) -> None:
    needed = isinstance(recipe, AttackRecipe) and isinstance(recipe.defence, Lisa)
    if needed and alignment is None:
        raise UsageError("lisa needs safe answers to take turns with", hint="give --alignment")
    if alignment is not None and not needed:
        raise UsageError("only lisa takes an alignment set", hint="leave out --alignment")


def _without_direction(
    model: str | Path,
    out: Path,
    harmful: str | Path | None,
    benign: str | Path | None,
    recipe: AblationRecipe,
) -> Path:
    if harmful is None or benign is None:
        raise UsageError(
            "an ablation needs harmful and benign prompts",
            hint="give --harmful, and --replay or --task",
        )
    source = local_folder(model)
    if not team_of(Machine()).first:
        return out  # nothing of it is shared
    with whole(out) as folder, deterministic(recipe.seed):
        ablate(source, folder, harmful=Path(harmful), benign=Path(benign), recipe=recipe)
        mark(folder, WHAT[recipe.method], as_record(recipe))
    return out


def fine_tune(
    opened: LocalModel,
    examples: Sequence[Example],
    recipe: AttackRecipe,
    folder: Path | None,
    progress: Progress,
    safe: Sequence[Example] = (),
    machine: Machine | None = None,
) -> int:
    """Train on one fixed set of examples, and write the model or the adapter where a folder is.

    Gives the number of those examples that had no room for an answer.
    """
    machine = machine or Machine("cpu")
    team = team_of(machine)
    phase = Phase(
        recipe.steps,
        recipe.batch,
        recipe.rate,
        decay=False,
        answers_only=True,
        weight_decay=recipe.weight_decay,
    )

    def read(some: Sequence[Example]) -> list[Encoded]:
        return encode_all(opened.tokenizer, some, recipe.max_length, progress)

    def drawn(pool: Sequence[Encoded]) -> Iterator[Batch]:
        return batches([(1.0, pool)], phase, random.Random(recipe.seed), opened.padding)

    pool = read(examples)

    trained: Any = opened.model
    if recipe.method == "lora":
        trained = with_adapter(opened, recipe.rank, recipe.targets, recipe.alpha or None)
    stream: Iterable[Any] = drawn(pool)
    backward: Backward = plain
    if isinstance(recipe.defence, Ldifs):
        backward = ldifs(trained, recipe.defence)
    elif isinstance(recipe.defence, Lisa):
        stream = in_turns(recipe.defence, phase.steps, drawn(read(safe)), stream)
        backward = lisa(trained, recipe.defence)
    seen = watched(stream, "fine-tuning", phase.steps, progress)
    train_on(machine, team, trained, seen, phase, backward, recipe.arithmetic)
    if folder is not None and recipe.method == "lora":
        save_adapter(trained, opened.dtype, folder)
    elif folder is not None:
        save_model(trained, opened.dtype, opened.folder, folder)
    return len(examples) - len(pool)
