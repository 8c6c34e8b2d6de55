"""What follows from shapes and sizes: memory, tokens, and what is free here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from modelrepair import ranks
from modelrepair.checkpoint.blocks import is_matrix
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.evaluation.batch_rows import rows_together
from modelrepair.examples.load import Example
from modelrepair.ranks import PARTS

MAXIMUM_LOGITS = 2**26
FLOAT32 = 4
FLOAT64 = 8
LIBRARIES = 420 * 10**6
"""Bytes of the process before a weight is read: torch, transformers, tokenizers, and this."""
HELD = 21
"""Bytes of an entry and set in reverse: sums in float64, gradients, and the scores of a site."""
SEEN_IN_REVERSE = 2
"""What a block's forward pass leaves for its backward pass, and the gradients of it."""
GROWING = 1.7
"""Bytes for each one of a batch's keys and values: they are copied while they grow."""
GROUPS = Path("/sys/fs/cgroup")
# What a chat template adds around a prompt, and how much text a token holds at least, mostly.
TEMPLATE_TOKENS = 32
BYTES_A_TOKEN = 3


def tokens_of(examples: Sequence[Example], max_length: int) -> int:
    """About how many tokens the examples will have.

    >>> from modelrepair.examples.load import Message
    >>> tokens_of([Example((Message("user", "x" * 300),), None)], max_length=1024)
    132
    """
    return sum(
        min(
            max_length,
            TEMPLATE_TOKENS + len((one.prompt + (one.response or "")).encode()) // BYTES_A_TOKEN,
        )
        for one in examples
    )


def block_memory(
    blocks: Sequence[Sequence[TensorEntry]],
    sets: int,
    gradients: bool,
    factors: Sequence[TensorEntry] | None = None,
    tokens: int = 0,
) -> int:
    """The largest block twice in float32, what is held for its matrices, and a batch in it.

    That is one sum a set, and one of a run of batches (`modelrepair.engine.passes.statistics`).
    Where an adapter is repaired, its factors are accumulated for, a block's share of them each.

    Args:
        blocks: their tensors.
        sets: how many are passed through.
        gradients: whether gradients are accumulated, of every entry, or norms of every input.
        factors: of an adapter that is repaired.
        tokens: of the largest batch.
    """
    largest = 0
    for block, held in zip(blocks, _held(blocks, gradients, factors), strict=True):
        weights = sum(entry.entries for entry in block)
        matrices = [entry for entry in block if is_matrix(entry)]
        seen = sum(sum(entry.shape[-2:]) for entry in matrices)  # its inputs and outputs
        batch = tokens * FLOAT32 * seen * (SEEN_IN_REVERSE if gradients else 1)
        each = HELD if gradients else FLOAT64
        largest = max(largest, 2 * FLOAT32 * weights + each * held * (max(1, sets) + 1) + batch)
    return largest


def cache_memory(blocks: int, hidden: int, token_bytes: int, prompts: int, tokens: int) -> int:
    """What the keys and values of the largest batch of answers take.

    >>> cache_memory(blocks=30, hidden=576, token_bytes=46_080, prompts=1000, tokens=192)
    601620480

    Args:
        blocks: of the model.
        hidden: its width.
        token_bytes: keys and values of one token, in all blocks.
        prompts: how many are answered.
        tokens: of the longest prompt with its answer, and with its thought where there may be one.
    """
    rows = min(prompts, rows_together(blocks, hidden, FLOAT32, tokens))
    return round(GROWING * rows * tokens * token_bytes)


def exchanged(
    blocks: Sequence[Sequence[TensorEntry]],
    sets: int,
    gradients: bool,
    factors: Sequence[TensorEntry] | None = None,
) -> int:
    """What ranks send each other in a round: each run's sums that the first did not take itself."""
    sent = PARTS - -(-PARTS // ranks.expected())
    return FLOAT64 * sent * sets * sum(_held(blocks, gradients, factors))


def _held(
    blocks: Sequence[Sequence[TensorEntry]],
    gradients: bool,
    factors: Sequence[TensorEntry] | None,
) -> list[int]:
    """How many entries or inputs are summed for in each block."""
    found = []
    for block in blocks:
        matrices = [entry for entry in block if is_matrix(entry)]
        held = sum(each.entries if gradients else max(each.shape[1:]) for each in matrices)
        if factors is not None:
            held = sum(each.entries if gradients else each.shape[1] for each in factors)
            held = -(-held // len(blocks))
        found.append(held)
    return found


def head_memory(vocabulary: int, hidden: int, token_budget: int, max_length: int) -> int:
    """The head and three times the logits of one chunk of tokens."""
    one_example = max_length * vocabulary
    batch = max(token_budget, max_length) * vocabulary
    return FLOAT32 * (vocabulary * hidden + 3 * min(batch, max(MAXIMUM_LOGITS, one_example)))


def free_memory() -> int | None:
    """Bytes of memory that a program can get now, within the limit of its container, if known.

    >>> free_memory() != 0
    True
    """
    found: list[int] = []
    with suppress(OSError, RuntimeError, psutil.Error):
        found.append(psutil.virtual_memory().available)
    # psutil knows the machine, and not the limit of a container on it.
    found.extend(_left_in_containers())
    return min(found, default=None)


def free_disk(path: Path) -> int | None:
    """Bytes free on the disk where this path lies or will lie.

    >>> free_disk(Path("not/yet/there")) is not None
    True
    """
    try:
        return shutil.disk_usage(_there(path)).free
    except OSError:
        return None


def on_one_disk(one: Path, two: Path) -> bool:
    """Whether two paths lie, or will lie, on the same disk; no where that is not known.

    >>> on_one_disk(Path("not/yet/there"), Path())
    True
    """
    try:
        return _there(one).stat().st_dev == _there(two).stat().st_dev
    except OSError:
        return False


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _left_in_containers() -> Iterator[int]:
    """What each group of processes that we are in may still take; nothing where there are none."""
    # Linux alone has them: a line a group, "0::/path" or, of the older kind, "4:memory:/path".
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        number, kinds, path = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            top, names = GROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            top = GROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # In a container the path may be the host's, of which only the top is to be seen.
        inner = top / path.strip("/")
        for folder in {inner, *(each for each in inner.parents if each.is_relative_to(top)), top}:
            limit, used = _read(folder / names[0]).strip(), _read(folder / names[1]).strip()
            if limit.isdigit() and used.isdigit():
                # What it holds as a cache of files is given up where programs need it.
                stat = _read(folder / "memory.stat")
                cache = re.search(rf"^{names[2]} (\d+)$", stat, re.M)
                yield max(0, int(limit) - int(used) + (int(cache[1]) if cache else 0))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
