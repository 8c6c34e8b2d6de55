"""Why a model has no attention head of its own to remove, as far as names and shapes show it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from modelrepair.checkpoint.blocks import is_matrix
from modelrepair.checkpoint.config import HEAD_SIZES, HEADS, number
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.errors import UnsupportedModelError

STATES = re.compile(
    r"\.(mixer|mamba)\.(A_log|conv1d|dt_proj|in_proj|out_proj|x_proj)(\.weight)?$"
    r"|\.(attention|feed_forward)\.(key|value|receptance|output)\.weight$"
)
"""The matrices of a state space (Mamba) and of a recurrence (RWKV)."""
QUERIES = re.compile(r"^(.*\.)q_proj\.weight$")
PACKED = re.compile(r"\.(c_attn|query_key_value|qkv_proj|Wqkv)\.weight$")
SHARED = "all queries share one key and value"
NORM = "q_norm.weight"
"""Of OLMo 2 and OLMoE as wide as all queries; elsewhere of one head."""


def check_heads(
    name: str, config: Mapping[str, Any], blocks: Sequence[Sequence[TensorEntry]]
) -> None:
    """Refuse a model in which no head can be told apart, where names and shapes alone say so.

    A repair runs its blocks to find out (`modelrepair.engine.unit_probe`). This reads a config and
    headers, and what it does not know passes.

    Args:
        name: of the model.
        config: the part of it that describes the language model.
        blocks: the tensors of each repeated block.

    Raises:
        UnsupportedModelError: with the reason.
    """
    heads, size = number(config, HEADS), number(config, HEAD_SIZES)
    reasons = {_why_none(block, heads, size) for block in blocks}
    if reasons and None not in reasons:
        raise UnsupportedModelError(
            f"no head can be told apart in {name}: {', '.join(sorted(filter(None, reasons)))}",
            hint="take --unit entry or row",
            id="no-units",
        )


def _why_none(block: Sequence[TensorEntry], heads: int, size: int) -> str | None:
    """Why a block has no head; None where it may have some."""
    shapes = {entry.name: entry.shape for entry in block}
    matrices = [entry.name for entry in block if is_matrix(entry)]
    if matrices and all(map(STATES.search, matrices)):
        return "its blocks have no attention"
    for name in matrices:
        if found := QUERIES.match(name):
            norm = shapes.get(found[1] + NORM)
            if heads > 1 and norm == shapes[name][:1]:  # of two dimensions it is each head's own
                return "a norm over all queries ties the heads together"
            keys = shapes.get(found[1] + "k_proj.weight")
            if heads > 1 and keys is not None and keys[0] * heads == shapes[name][0]:
                return SHARED
        elif PACKED.search(name) and heads > 1:
            rows, columns = shapes[name]
            if rows == (heads + 2) * (size or columns // heads):
                return SHARED
    return None
