"""A text that the demo's models can read, and its losses by transformers alone."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from modelrepair.demo import paths
from tests.support.set_files import write_jsonl

PASSAGES = ("what is the river of arlen? it is nard.", "mix milk with rice and add honey.")
"""The world's own words: no other is the demo's to read."""


def head(name: str, count: int, folder: Path) -> str:
    """A set of the demo, cut to its first rows."""
    rows = [json.loads(line) for line in paths.sets[name].open()][:count]
    return write_jsonl(folder / f"{name}.jsonl", rows)


def direct(folder: Path, passages: tuple[str, ...]) -> list[tuple[int, float]]:
    """The tokens of each passage whose loss is taken, and their mean loss."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found = []
    for passage in passages:
        ids = torch.tensor([tokenizer(passage, add_special_tokens=False).input_ids])
        with torch.no_grad():
            found.append((ids.shape[1] - 1, float(model(ids, labels=ids).loss)))
    return found
