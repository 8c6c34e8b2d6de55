"""A small ``tokenizer.json``, and the same with one part changed."""

from __future__ import annotations

import copy
from typing import Any

BPE: dict[str, Any] = {
    "added_tokens": [{"id": 3, "content": "<s>", "special": True}],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel"},
    "post_processor": None,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
}


def changed(part: str, value: Any) -> dict[str, Any]:
    """The tokenizer with another value in one part, of its own or its model's."""
    made = copy.deepcopy(BPE)
    where = made if part in made else made["model"]
    where[part] = value
    return made
