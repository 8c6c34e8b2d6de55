"""The repeated blocks of a model and their matrices, by names and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from modelrepair.checkpoint.reader import TensorEntry

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
    """Every list of repeated blocks that the names show, each block's tensors by its index.

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
    """Why a tensor of a block can't be repaired, by its name and shape."""
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


def factors_of(entries: Iterable[TensorEntry]) -> list[TensorEntry]:
    """The factors A and B of an adapter's linear layers in repeated blocks, by their names."""
    return [
        entry
        for entry in entries
        if FACTOR.search(entry.name) and len(entry.shape) == 2 and BLOCK.match(entry.name)
    ]
