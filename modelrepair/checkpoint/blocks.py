"""The repeated blocks of a model and their matrices, by names and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from modelrepair.checkpoint.reader import TensorEntry

BLOCK = re.compile(r"^(?P<blocks>.*?)\.(?P<index>\d{1,9})\.(?P<path>.+)$")
FACTOR = re.compile(r"\.lora_[AB](\.\w+)?\.weight$")
# Fused experts in a file, with or without the name ending of a linear layer.
EXPERTS = re.compile(
    r"\.(experts\.\w*_proj|experts\.fc\d\.weight|input_linear\.weight|output_linear\.weight)$"
)
CHOOSES = "a router: it chooses experts"
"""Why a router is no site."""
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


def routers(shapes: Mapping[str, Sequence[int]]) -> set[str]:
    """The tensors of a block that give each token its experts: a repair leaves them.

    A router has a row for each expert; a gate of an MLP has the same name, and other rows.

    >>> routers({"l.0.mlp.gate.weight": (2, 8), "l.0.mlp.experts.1.up_proj.weight": (4, 8)})
    {'l.0.mlp.gate.weight'}

    Args:
        shapes: name in the file → shape, of all the block's tensors.
    """
    numbered = [int(found[1]) + 1 for name in shapes if (found := EXPERT.search(name))]
    stacked = [each[0] for name, each in shapes.items() if len(each) == 3 and EXPERTS.search(name)]
    experts = {max(numbered, default=0), *stacked}
    return {name for name, each in shapes.items() if ROUTER.search(name) and each[0] in experts}


def skipped_in(block: Sequence[TensorEntry]) -> dict[str, str]:
    """The matrices of a block that can't be repaired, with the reason, by names and shapes.

    >>> skipped_in([TensorEntry("l.0.conv1d.weight", "f", "F32", (4, 1, 2), 0, 32)])
    {'l.0.conv1d.weight': '3 dimensions: no linear layer, no experts by its name'}
    """
    choosing = routers({entry.name: entry.shape for entry in block})
    skipped = {}
    for entry in filter(is_matrix, block):
        reason = why_not(entry)
        if entry.name in choosing:
            reason = CHOOSES
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
