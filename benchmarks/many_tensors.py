"""How a repair's costs grow with the number of a model's tensors, whatever their size.

    OMP_NUM_THREADS=1 python benchmarks/many_tensors.py [--tensors 5000 10000 20000]

Makes mixtures of tiny experts, each expert's matrices in tensors of their own, in 200 files, and
repairs each in a process of its own: `fix --no-evaluate` at a fixed ratio, so that little is
computed and nearly all of the time is what every tensor costs. Takes wall time (whole and of each
step), processor time, calls of fsync, peak memory, and the sizes of card and manifest; and the
exponent with which each grows from the smallest to the largest model: at most 1 is the aim. The
last line is one JSON object with the rows and the exponents.

On two shared cores under load, where wall time says little: 2,555, 5,051 and 10,067 tensors took
12.3, 16.6 and 24.4 s of processor time (exponent .50: 8 s are the same for every model, and each
tensor takes 1.6 ms), 451, 478 and 546 MB, and 498 calls of fsync each, 2 for a file that is
written, most of them shards. 29, 31 and 42 tensors were masked; the card had 6,255, 6,252 and 6,269
bytes, the manifest 138,021, 162,379 and 180,437, most of them digests of the 400 shards of source
and result. Before scores lay in one file a block and names in ranges, the
repair of 5,051 took 29.3 s, 10,446 calls, 319,014 and 2,410,678 bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from transformers import AutoTokenizer, MixtralConfig

from modelrepair.demo import paths

BLOCKS, SHARDS = 8, 200
HIDDEN, INNER = 16, 8
EXPERT = {"w1": (INNER, HIDDEN), "w2": (HIDDEN, INNER), "w3": (INNER, HIDDEN)}
FIGURES = ("seconds", "processor_seconds", "fsyncs", "peak_mb", "card_bytes", "manifest_bytes")
COUNTED = """
import json, os, resource, sys, time
counts, plain = [0], os.fsync
def fsync(descriptor):
    counts[0] += 1
    plain(descriptor)
os.fsync = fsync
from modelrepair.cli.main import run
began, before = time.perf_counter(), time.process_time()
code = run(sys.argv[2:])
found = {
    "exit": code,
    "seconds": time.perf_counter() - began,
    "processor_seconds": time.process_time() - before,
    "fsyncs": counts[0],
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}
open(sys.argv[1], "w").write(json.dumps(found))
"""


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
            for name, shape in (
                ("w1", (INNER, HIDDEN)),
                ("w2", (HIDDEN, INNER)),
                ("w3", (INNER, HIDDEN)),
            ):
                shapes[f"{at}.block_sparse_moe.experts.{expert}.{name}.weight"] = shape
    _write(folder, shapes)
    return len(shapes)


def _write(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    generator, names = np.random.default_rng(0), list(shapes)
    places: dict[str, str] = {}
    total = 0
    for number in range(SHARDS):
        file = f"model-{number + 1:05d}-of-{SHARDS:05d}.safetensors"
        some = names[number * len(names) // SHARDS : (number + 1) * len(names) // SHARDS]
        tensors = {
            name: np.ones(shapes[name], np.float32)
            if len(shapes[name]) == 1
            else generator.standard_normal(shapes[name], np.float32) * np.float32(0.1)
            for name in some
        }
        save_file(tensors, folder / file, {"format": "pt"})
        places |= dict.fromkeys(some, file)
        total += sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def repaired(source: Path, place: Path, options: list[str]) -> dict[str, Any]:
    """Repair a model in a process of its own; what that took, and what it wrote."""
    out, events, found = place / "out", place / "events.jsonl", place / "found.json"
    sets = [f"--{role.replace('_', '-')}={path}" for role, path in paths.sets.items()]
    command = ["fix", str(source), "--reference=none", "--no-evaluate", f"--out={out}"]
    command += [
        *sets,
        f"--events={events}",
        "--scorer=wanda",
        "--scope=global",
        "--ratio=0.001",
        *options,
    ]
    run = [sys.executable, "-c", COUNTED, str(found), *command, *options]
    subprocess.run(run, check=True, stdout=sys.stderr)
    taken = json.loads(found.read_text())
    if taken.pop("exit"):
        raise SystemExit(f"the repair of {source.name} failed")
    manifest = json.loads((out / "repair" / "manifest.json").read_text())
    steps: dict[str, float] = {}
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "begin":
            name = event["name"]
        elif event["event"] == "end":
            steps[name] = steps.get(name, 0.0) + event.get("seconds", 0.0)
    return {
        **taken,
        "card_bytes": (out / "README.md").stat().st_size,
        "manifest_bytes": (out / "repair" / "manifest.json").stat().st_size,
        "masked_tensors": sum(site["masked"] > 0 for site in manifest["sites"]),
        "steps": steps,
    }


def exponents(rows: list[dict[str, Any]]) -> dict[str, float]:
    """How each figure grows with the number of tensors: 1 is in proportion."""
    first, last = rows[0], rows[-1]
    return {
        name: math.log(last[name] / first[name]) / math.log(last["tensors"] / first["tensors"])
        for name in (
            "seconds",
            "processor_seconds",
            "fsyncs",
            "peak_mb",
            "card_bytes",
            "manifest_bytes",
        )
    }


def main() -> None:
    """Print one JSON line for each model, and one of how the figures grow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensors", type=int, nargs="+", default=[5000, 10000, 20000])
    parser.add_argument("--option", action="append", default=[], help="one more of `fix`")
    given = parser.parse_args()
    rows = []
    for tensors in sorted(given.tensors):
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "model"
            source.mkdir()
            count = make(source, tensors)
            rows.append({"tensors": count, **repaired(source, Path(place), given.option)})
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
        sys.stdout.flush()
    sys.stdout.write(
        json.dumps({"growth": exponents(rows) if len(rows) > 1 else {}, "rows": rows}) + "\n"
    )


if __name__ == "__main__":
    main()
