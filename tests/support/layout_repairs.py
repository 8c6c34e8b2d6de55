"""Tiny models of every layout, repaired on the demo's sets and loaded as transformers does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import AutoConfig

from modelrepair import repair
from modelrepair.demo import paths
from modelrepair.engine.skeleton import loader_of
from tests.support import tiny

SETS = ("realign", "refusal", "utility")


def save(
    kind: str,
    folder: Path,
    *,
    digits: int | None = None,
    shape: Mapping[str, int] | None = None,
    **saving,
) -> Path:
    """A tiny model with the demo's tokenizer and no aligned relative; weights rounded or not."""
    made = tiny.model(kind, vocab_size=346, max_position_embeddings=128, **(shape or {}))
    if digits is not None:
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.copy_(parameter.round(decimals=digits))
    made.save_pretrained(folder, **saving)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(paths.attacked / name, folder / name)
    return folder


def fixed(source: Path, out: Path, **options):
    sets = {name: paths.sets[name] for name in SETS}
    settings = {"borderline": "none", "scorer": "wanda", "ratio": 0.05, "examples": 8, **options}
    return repair(source, out=out, reference="none", evaluate=False, **sets, **settings)


def loaded(folder: Path):
    """A model as transformers loads it, every tensor of the file in its place."""
    loader = loader_of(AutoConfig.from_pretrained(folder))
    model, info = loader.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model.eval()
