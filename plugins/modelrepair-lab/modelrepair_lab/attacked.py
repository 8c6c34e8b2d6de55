"""The aligned and attacked models of a grid: made once, and used again by every later run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelrepair import Progress, demo_paths
from modelrepair_lab.alone import alone
from modelrepair_lab.crossing import AlignRow
from modelrepair_lab.defences.options import Lisa
from modelrepair_lab.grid import ALIGNING, TRAINING, AttackRow, Grid
from modelrepair_lab.identity import digest, stamp
from modelrepair_lab.recipes import AlignRecipe, Attack, AttackRecipe, numbers_of
from modelrepair_lab.slugs import slug


@dataclass(frozen=True)
class Ground:
    """The start of every attack: the aligned model and its sets.

    Args:
        reference: the aligned model's folder.
        training: the sets that attacks are made of.
        sets: the sets of a repair, as `modelrepair.repair` names them.
        general: prompts of the utility test that show general skill.
        unaligned: what the model was aligned from, where that is known.
        aligning: the sets that alignments of a crossed grid are made of.
    """

    reference: Path
    training: Mapping[str, Path]
    sets: Mapping[str, Any]
    general: Path | None
    unaligned: Path | None
    aligning: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Aligned:
    """One aligned model of a crossed grid.

    Args:
        recipe: with the seed that it was made with.
        folder: the model; its name holds the digest of its inputs.
        ground: the model before alignment, and the sets.
    """

    recipe: AlignRecipe
    folder: Path
    ground: Ground


@dataclass(frozen=True)
class Attacked:
    """One attacked model.

    Args:
        name: of the attack.
        recipe: with the seed that it was made with.
        folder: the model, or the adapter; its name holds the digest of its inputs.
        ground: the model and sets that it was attacked with.
        row: its row of a crossed grid.
    """

    name: str
    recipe: Attack
    folder: Path
    ground: Ground
    row: str | None = None


def world_folder(out: Path, seed: int) -> Path:
    """The folder of a seed's world."""
    return out / "worlds" / f"world-{seed}"


def ground_of(grid: Grid, seed: int, out: Path) -> Ground:
    """What the attacks of a seed start from."""
    if grid.model is not None:
        return Ground(
            grid.model, grid.training, grid.measure, grid.general, grid.unaligned, grid.aligning
        )
    world = world_folder(out, seed)
    training = {name: world / "train" / f"{name}.jsonl" for name in TRAINING}
    aligning = {name: world / "train" / f"{name}.jsonl" for name in ALIGNING}
    general, unaligned = world / "general.jsonl", world / "unaligned"
    sets = demo_paths.sets_of(world)
    return Ground(world / "reference", training, sets, general, unaligned, aligning)


def make_ground(grid: Grid, seed: int, out: Path, progress: Progress) -> Ground:
    """Train the world of a seed where the grid has no model and it was not trained before."""
    if grid.model is None:
        from modelrepair_lab.aligned_world import make_world

        folder = world_folder(out, seed)
        with alone(folder, "make"):
            if not folder.exists():
                make_world(seed, folder, progress)
    return ground_of(grid, seed, out)


def planned_alignment(grid: Grid, row: AlignRow, seed: int, out: Path) -> Aligned:
    """The aligned model as it will be, whether it is there or not."""
    recipe, ground = replace(row.recipe, seed=seed), ground_of(grid, seed, out)
    assert ground.unaligned is not None
    made_of = digest([numbers_of(recipe), stamp(ground.unaligned), ground.aligning])
    return Aligned(recipe, out / "aligned" / f"{slug(row.name)}-{seed}-{made_of}", ground)


def make_alignment(aligned: Aligned, progress: Progress) -> None:
    """Align the model, unless that was done before."""
    with alone(aligned.folder, "make"):
        if not aligned.folder.exists():
            _align(aligned, progress)


def _align(aligned: Aligned, progress: Progress) -> None:
    from modelrepair_lab.align import NEED_HARM, align

    progress.note(f"Aligning: {aligned.folder.name}")
    ground, sets, defence = aligned.ground, aligned.ground.aligning, aligned.recipe.defence
    assert ground.unaligned is not None
    harms = defence is not None and defence.name in NEED_HARM
    align(
        ground.unaligned,
        aligned.folder,
        refusal=sets["refusal"],
        utility=sets["utility"],
        harmful=sets.get("known-harmful") if harms else None,
        recipe=aligned.recipe,
        progress=progress,
    )


def planned(grid: Grid, row: AttackRow, seed: int, out: Path) -> Attacked:
    """The attacked model as it will be, whether it is there or not."""
    recipe, ground = replace(row.recipe, seed=seed), ground_of(grid, seed, out)
    if row.task is not None:
        ground = replace(ground, training={**ground.training, "task": row.task})
    if row.aligned is not None:
        start = planned_alignment(grid, row.aligned, seed, out)
        ground = replace(ground, reference=start.folder)
    if isinstance(recipe, AttackRecipe) and isinstance(recipe.defence, Lisa):
        safe = {"alignment": ground.aligning["refusal"]}
        ground = replace(ground, training={**ground.training, **safe})
    made_of = digest([numbers_of(recipe), stamp(ground.reference), ground.training])
    # Tables over other columns have the same model under another name.
    called = slug(row.row or row.name)
    folder = out / "attacked" / f"{called}-{seed}-{made_of}"
    return Attacked(row.name, recipe, folder, ground, row.row)


def make_attacked(attacked: Attacked, progress: Progress) -> None:
    """Attack the aligned model, unless that was done before."""
    with alone(attacked.folder, "make"):
        if not attacked.folder.exists():
            _attack(attacked, progress)


def _attack(attacked: Attacked, progress: Progress) -> None:
    from modelrepair_lab.attack import attack

    progress.note(f"Attacking: {attacked.name}, seed {attacked.recipe.seed}")
    training = attacked.ground.training
    attack(
        attacked.ground.reference,
        attacked.folder,
        harmful=training.get("harmful"),
        task=training["task"],
        replay=training.get("replay"),
        alignment=training.get("alignment"),
        recipe=attacked.recipe,
        progress=progress,
    )
