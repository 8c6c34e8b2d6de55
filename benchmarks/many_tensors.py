"""How a repair's costs grow with the number of a model's tensors, whatever their size.

    OMP_NUM_THREADS=1 python -m benchmarks.many_tensors [--tensors 5000 10000 20000]

Makes mixtures of tiny experts, each expert's matrices in tensors of their own, in 200 files, and
repairs each in a process of its own: `fix --no-evaluate` at a fixed ratio, so that little is
computed and nearly all of the time is what every tensor costs. Takes wall time, processor time
(whole and of each step), calls of fsync, peak memory, and the sizes of card and manifest; and the
exponent with which each grows from the smallest to the largest model: at most 1 is the aim. The
last line is one JSON object with the rows and the exponents. docs/performance.md has figures.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, MixtralConfig

from benchmarks.measured import measure
from benchmarks.shapes import write_shards
from modelrepair.demo import paths

BLOCKS, SHARDS = 8, 200
HIDDEN, INNER = 16, 8
EXPERT = {"w1": (INNER, HIDDEN), "w2": (HIDDEN, INNER), "w3": (INNER, HIDDEN)}
FIGURES = ("seconds", "processor_seconds", "fsyncs", "peak_mb", "card_bytes", "manifest_bytes")


def make(folder: Path, tensors: int) -> int:
    """Write a mixture of experts with about so many tensors; return how many it has."""
    tokenizer = AutoTokenizer.from_pretrained(paths.attacked)
    experts = max(2, round(tensors / (3 * BLOCKS)))
    config = MixtralConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=BLOCKS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=HIDDEN // 2,
        num_local_experts=experts,
        num_experts_per_tok=2,
        max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        architectures=["MixtralForCausalLM"],
    )
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shapes = {
        "model.embed_tokens.weight": (len(tokenizer), HIDDEN),
        "model.norm.weight": (HIDDEN,),
        "lm_head.weight": (len(tokenizer), HIDDEN),
    }
    for block in range(BLOCKS):
        at = f"model.layers.{block}"
        shapes |= {
            f"{at}.{name}_layernorm.weight": (HIDDEN,) for name in ("input", "post_attention")
        }
        for name, out in (("q", HIDDEN), ("k", HIDDEN // 2), ("v", HIDDEN // 2), ("o", HIDDEN)):
            shapes[f"{at}.self_attn.{name}_proj.weight"] = (out, HIDDEN)
        shapes[f"{at}.block_sparse_moe.gate.weight"] = (experts, HIDDEN)
        for expert in range(experts):
            for name, shape in EXPERT.items():
                shapes[f"{at}.block_sparse_moe.experts.{expert}.{name}.weight"] = shape
    _write(folder, shapes)
    return len(shapes)


def _write(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    generator, names = np.random.default_rng(0), list(shapes)

    def drawn(name: str) -> Tensor:
        if len(shapes[name]) == 1:
            return torch.ones(shapes[name])
        values = generator.standard_normal(shapes[name], np.float32) * np.float32(0.1)
        return torch.from_numpy(values)

    cuts = [number * len(names) // SHARDS for number in range(SHARDS + 1)]
    groups = [names[begin:end] for begin, end in pairwise(cuts)]
    write_shards(folder, groups, drawn)


def repaired(source: Path, place: Path) -> dict[str, Any]:
    """Repair a model in a process of its own; what that took, and what it wrote."""
    module = "benchmarks.contestants.counted_fix"
    taken = measure([sys.executable, "-m", module, str(source), str(place / "out")])
    if taken.failure is not None:
        raise SystemExit(f"the repair of {source.name} failed: {taken.failure}")
    return {
        "seconds": round(taken.wall_s, 2),
        "processor_seconds": round(taken.processor_s, 2),
        "peak_mb": None if taken.peak_bytes is None else round(taken.peak_bytes / 1e6),
        **taken.said,
    }


def exponents(rows: list[dict[str, Any]]) -> dict[str, float]:
    """How each figure grows with the number of tensors: 1 is in proportion."""
    first, last = rows[0], rows[-1]
    more = math.log(last["tensors"] / first["tensors"])
    return {
        name: math.log(last[name] / first[name]) / more
        for name in FIGURES
        if first[name] is not None
    }


def main() -> None:
    """Print one JSON line for each model, and one of how the figures grow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensors", type=int, nargs="+", default=[5000, 10000, 20000])
    given = parser.parse_args()
    rows = []
    for tensors in sorted(given.tensors):
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "model"
            source.mkdir()
            count = make(source, tensors)
            rows.append({"tensors": count, **repaired(source, Path(place))})
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
        sys.stdout.flush()
    sys.stdout.write(
        json.dumps({"growth": exponents(rows) if len(rows) > 1 else {}, "rows": rows}) + "\n"
    )


if __name__ == "__main__":
    main()
