"""What the source knows of an answer: a repair keeps that, and teaches it nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from modelrepair import ranks
from modelrepair.checkpoint.atomic import write_json
from modelrepair.engine.passes.passes import Work, known_tokens
from modelrepair.engine.passes.statistics import SetBatches
from modelrepair.engine.skeleton import ReadWeight, Skeleton
from modelrepair.moving import remove_folder
from modelrepair.plugin.names import SetName
from modelrepair.plugin.repairer import Batch
from modelrepair.progress import Progress


def known_alone(
    sets: Mapping[SetName, Sequence[Batch]],
    skeleton: Skeleton,
    read: ReadWeight,
    folder: Path,
    progress: Progress,
) -> dict[SetName, tuple[Batch, ...]]:
    """The same batches; only tokens that the source knows still count as the answers'.

    It is asked once: what it said is kept in the folder, and later rounds read it there.

    Args:
        sets: the batches of each set.
        skeleton: the model on the meta device.
        read: gives the source's weights.
        folder: where the answer is kept.
        progress: receives the pass.
    """
    groups = [SetBatches(name, tuple(batches)) for name, batches in sets.items()]
    kept = folder / "known.json"
    if not ranks.share(kept.exists):
        work = Work(skeleton, read, groups, folder / "knowing")
        work.folder.mkdir(parents=True, exist_ok=True)
        found = known_tokens(work, progress)
        ranks.share(lambda: write_json(kept, found))
        ranks.share(lambda: remove_folder(work.folder))
    places = iter(ranks.share(lambda: json.loads(kept.read_bytes())))
    return {
        group.name: tuple(
            _only(batch, [next(places) for _ in batch.keys]) for batch in group.batches
        )
        for group in groups
    }


def _only(batch: Batch, places: Sequence[Sequence[int]]) -> Batch:
    """A batch whose answers are the tokens at these places of each example."""
    mask = torch.zeros_like(batch.answer_mask)
    for row, some in zip(mask, places, strict=True):
        row[torch.tensor(some, dtype=torch.int64)] = True
    return replace(batch, answer_mask=mask)
