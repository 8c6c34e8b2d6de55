"""What shapes and sizes tell: the blocks of a model, memory, tokens, and what is free here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.examples.load import Example

MAXIMUM_LOGITS = 2**26
FLOAT32 = 4
FLOAT64 = 8
# What a chat template adds around a prompt, and how much text a token holds at least, mostly.
TEMPLATE_TOKENS = 32
BYTES_A_TOKEN = 3

BLOCK = re.compile(r"^(?P<blocks>.*?)\.(?P<index>\d{1,9})\.(?P<path>.+)$")
FACTOR = re.compile(r"\.lora_[AB](\.\w+)?\.weight$")
# Fused experts in a file, with or without the name ending of a linear layer.
EXPERTS = re.compile(
    r"\.(experts\.\w*_proj|experts\.fc\d\.weight|input_linear\.weight|output_linear\.weight)$"
)
ROUTER = re.compile(r"\.(gate|router|router\.layer)\.weight$")
EXPERT = re.compile(r"\.experts\.(\d{1,9})\.")
# The step of a state space is multiplied with inside of a kernel, and not by its layer.
STEP = re.compile(r"\.(mixer|mamba)\.dt_proj\.weight$")


def block_lists(entries: Iterable[TensorEntry]) -> list[dict[int, list[TensorEntry]]]:
    """Every list of repeated blocks that the names tell of, each block's tensors by its index.

    >>> entry = TensorEntry("layers.3.up.weight", "f", "F32", (3, 2), 0, 24)
    >>> [list(each) for each in block_lists([entry])]
    [[3]]
    """
    lists: dict[str, dict[int, list[TensorEntry]]] = {}
    for entry in entries:
        if found := BLOCK.match(entry.name):
            lists.setdefault(found["blocks"], {}).setdefault(int(found["index"]), []).append(entry)
    return list(lists.values())


def blocks_of(entries: Sequence[TensorEntry], expected: int) -> list[list[TensorEntry]]:
    """The tensors of each repeated block: the list of the expected length, else the largest."""
    lists = block_lists(entries)
    candidates = [each for each in lists if len(each) == expected] or lists
    chosen = max(
        candidates, key=lambda each: sum(e.entries for b in each.values() for e in b), default={}
    )
    return [chosen[index] for index in sorted(chosen)]


def is_matrix(entry: TensorEntry) -> bool:
    """Whether a tensor of a block multiplies something; see `multiplies`."""
    return multiplies(entry.name, entry.shape)


def multiplies(name: str, shape: Sequence[int]) -> bool:
    """Whether tokens are multiplied with a parameter: norms, biases and stored masks don't count.

    The one rule for what coverage is a share of, in a plan and in a repair.

    >>> multiplies("up_proj.weight", (3, 2)), multiplies("experts.up_proj_bias", (4, 3))
    (True, False)
    >>> multiplies("time_mix_key", (1, 1, 8))
    False
    """
    if len(shape) < 2 or name.endswith("bias"):
        return False
    return len(shape) == 2 or tuple(shape[:2]) != (1, 1)


def why_not(entry: TensorEntry) -> str | None:
    """Why a tensor of a block can't be repaired, as far as its name and shape tell."""
    if len(entry.shape) == 3 and EXPERTS.search(entry.name):
        return None
    if len(entry.shape) > 2:
        return f"{len(entry.shape)} dimensions: no linear layer, no experts by its name"
    return None if entry.name.endswith(".weight") else "no weight of a linear layer by its name"


def skipped_in(block: Sequence[TensorEntry]) -> dict[str, str]:
    """The matrices of a block that can't be repaired, with the reason, by names and shapes.

    A router gives each token its experts, and has a row for each of them: a repair leaves it.

    >>> sizes = {"l.0.mlp.gate.weight": (2, 8), "l.0.mlp.experts.1.up_proj.weight": (4, 8)}
    >>> block = [TensorEntry(name, "f", "F32", shape, 0, 4) for name, shape in sizes.items()]
    >>> skipped_in(block)
    {'l.0.mlp.gate.weight': 'a router: it chooses experts'}
    """
    numbered = [int(found[1]) + 1 for each in block if (found := EXPERT.search(each.name))]
    stacked = [e.shape[0] for e in block if len(e.shape) == 3 and EXPERTS.search(e.name)]
    experts = {max(numbered, default=0), *stacked}
    skipped = {}
    for entry in filter(is_matrix, block):
        reason = why_not(entry)
        if ROUTER.search(entry.name) and entry.shape[0] in experts:
            reason = "a router: it chooses experts"
        elif STEP.search(entry.name):
            reason = "the step of a state space, which its layer does not multiply with"
        if reason is not None:
            skipped[entry.name] = reason
    return skipped


def kinds_of(entries: Iterable[TensorEntry]) -> dict[str, int]:
    """The parameters of matrices by their own name, without the way to it.

    >>> entry = TensorEntry("layers.0.mlp.up_proj.weight", "f", "F32", (3, 2), 0, 24)
    >>> kinds_of([entry, entry])
    {'up_proj': 12}
    """
    found: dict[str, int] = {}
    for entry in entries:
        kind = entry.name.removesuffix(".weight").rpartition(".")[2]
        found[kind] = found.get(kind, 0) + entry.entries
    return found


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


def factors_of(entries: Iterable[TensorEntry]) -> list[TensorEntry]:
    """The factors A and B of an adapter's linear layers in repeated blocks, by their names."""
    return [
        entry
        for entry in entries
        if FACTOR.search(entry.name) and len(entry.shape) == 2 and BLOCK.match(entry.name)
    ]


def block_memory(
    blocks: Sequence[Sequence[TensorEntry]],
    sets: int,
    gradients: bool,
    factors: Sequence[TensorEntry] | None = None,
) -> int:
    """The largest block twice in float32, and what is accumulated for its matrices in float64.

    Where an adapter is repaired, its factors are accumulated for, a block's share of them each.
    """
    largest = 0
    for block in blocks:
        matrices = [entry for entry in block if is_matrix(entry)]
        held = sum(each.entries if gradients else max(each.shape[1:]) for each in matrices)
        if factors is not None:
            held = sum(each.entries if gradients else each.shape[1] for each in factors)
            held = -(-held // len(blocks))
        weights = sum(entry.entries for entry in block)
        largest = max(largest, 2 * FLOAT32 * weights + FLOAT64 * held * max(1, sets))
    return largest


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
    text = _read("/proc/meminfo")
    if available := re.search(r"MemAvailable:\s+(\d+) kB", text):
        found.append(int(available[1]) * 1024)
    limit, used = _read("/sys/fs/cgroup/memory.max"), _read("/sys/fs/cgroup/memory.current")
    if limit.strip().isdigit() and used.strip().isdigit():
        # What the container holds as a cache of files is given up where programs need it.
        cache = re.search(r"^inactive_file (\d+)$", _read("/sys/fs/cgroup/memory.stat"), re.M)
        found.append(max(0, int(limit) - int(used) + (int(cache[1]) if cache else 0)))
    return min(found, default=None)


def free_disk(path: Path) -> int | None:
    """Bytes free on the disk where this path lies or will lie.

    >>> free_disk(Path("not/yet/there")) is not None
    True
    """
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
