"""Examples, batches and tiny models on disk for the tests of passes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine import skeleton as skeletons
from modelrepair.engine.layout.places import whole
from modelrepair.engine.passes.capture import inspect
from modelrepair.engine.sites import Site
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.weights import Weights
from modelrepair.examples.batches import canonical_batches
from modelrepair.plugin.repairer import Batch, TokenizedExample
from modelrepair.plugin.scorer import SiteBatch, SiteInfo
from tests.support import tiny

CPU = torch.device("cpu")
INFO = SiteInfo("site.weight", "linear", 0, (3, 4))


def examples(count: int, seed: int = 0, longest: int = 24) -> list[TokenizedExample]:
    """Random examples of the tiny vocabulary, of many lengths."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        length = draw.randint(5, longest)
        ids = tuple(draw.randint(3, 96) for _ in range(length))
        made.append(TokenizedExample(ids, draw.randint(1, length - 2), f"{seed}-{number}"))
    return made


def batches(count: int, seed: int = 0, budget: int = 64, pad: int = 0) -> tuple[Batch, ...]:
    """The same, in canonical batches."""
    return tuple(canonical_batches(examples(count, seed), budget, pad))


def alone(batch: Batch, row: int) -> Batch:
    """One example of a batch without its padding."""
    length = int(batch.attention_mask[row].sum())
    return Batch(
        batch.input_ids[row : row + 1, :length],
        batch.attention_mask[row : row + 1, :length],
        batch.answer_mask[row : row + 1, :length],
        batch.keys[row : row + 1],
    )


@dataclass(frozen=True)
class Opened:
    """A tiny model as a plain module, on disk, and as a skeleton."""

    plain: Any
    folder: Path
    checkpoint: Checkpoint
    skeleton: Skeleton
    weights: Weights
    shared: str | None


def opened(folder: Path, plain: Any, device: torch.device = CPU) -> Opened:
    """Save a model and open it as a repair would."""
    plain.save_pretrained(folder)
    checkpoint = Checkpoint.open(folder)
    skeleton, shared = inspect(skeletons.build(folder, checkpoint, device))
    return Opened(plain, folder, checkpoint, skeleton, Weights(checkpoint, device), shared)


def open_tiny(kind: str, folder: Path, device: torch.device = CPU, **changes: Any) -> Opened:
    """One of the architectures of `tests.support.tiny`."""
    return opened(folder, tiny.model(kind, **changes), device)


def site_batch(
    inputs: torch.Tensor, owners: list[int], *, gradients: torch.Tensor | None = None, count=None
) -> SiteBatch:
    """Tokens of examples, the second half of each example's being its answer."""
    index = torch.tensor(owners, dtype=torch.int64)
    answer = torch.zeros(len(owners), dtype=torch.bool)
    for owner in set(owners):
        places = torch.nonzero(index == owner).reshape(-1)
        answer[places[len(places) // 2 :]] = True
    keys = tuple(f"example {number}" for number in range(count or max(owners, default=0) + 1))
    return SiteBatch(inputs, gradients, answer, index, keys)


def linear_site(name: str = "proj", rows: int = 3, columns: int = 4) -> Site:
    """A site that is the whole weight of a linear layer of this name in its block."""
    tensor, shape = f"{name}.weight", (rows, columns)
    return Site(SiteInfo(tensor, "linear", 0, shape), name, whole(tensor, shape))
