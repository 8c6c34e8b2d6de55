"""How fast stage 4 of an audit is, beside reading both checkpoints and converting them to float32.

    OMP_NUM_THREADS=1 python -m benchmarks.difference_speed [--megabytes 512]

Both are timed in turn in one process, files warm; the medians and their ratio are printed. Every
entry is changed, which is the slowest case: an equal tensor is compared as bytes only.

The aim is a ratio of .5. On two shared cores, by processor time in two processes each: .49 to .54
with sides of 4,096, which is about the aim, and .18 to .25 with sides of 1,024, which misses it:
there what is computed once for each matrix (the rank of a part, the sketch) counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from modelrepair.auditing.difference.difference import difference
from modelrepair.auditing.opened import opened
from modelrepair.checkpoint.bits import to_float32
from modelrepair.checkpoint.norms import chunks
from modelrepair.checkpoint.reader import Checkpoint


def make(folder: Path, count: int, side: int, step: float) -> None:
    """Write a checkpoint of random matrices; another step gives a change of all of them."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    tensors = {}
    for layer in range(count):
        base = generator.standard_normal((side, side), np.float32) * np.float32(0.02)
        moved = generator.standard_normal((side, side), np.float32) * np.float32(step)
        tensors[f"model.layers.{layer}.mlp.up_proj.weight"] = (base + moved).astype(
            ml_dtypes.bfloat16
        )
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")


def read_and_convert(*folders: Path) -> None:
    """The yardstick: each tensor's bytes from its file, as float32, in parts that fit the cache."""
    for folder in folders:
        checkpoint = Checkpoint.open(folder)
        with (folder / "model.safetensors").open("rb") as file:
            for entry in checkpoint.entries.values():
                file.seek(entry.offset)
                raw = np.fromfile(file, "<u2", entry.entries)
                for start, stop in chunks(entry.entries):
                    to_float32(raw[start:stop], entry.dtype)


def compare(target: Path, base: Path) -> None:
    """Stage 4."""
    with opened(target) as new, opened(base) as old:
        difference(new, old, seed=1)


def seconds(work: Callable[..., None], *folders: Path) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    work(*folders)
    return time.perf_counter() - start


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512, help="of each checkpoint")
    parser.add_argument("--side", type=int, default=4096, help="of each matrix")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    count = max(1, given.megabytes * 2**20 // (2 * given.side**2))
    with tempfile.TemporaryDirectory() as place:
        folders = Path(place) / "model", Path(place) / "base"
        make(folders[0], count, given.side, 0.001)
        make(folders[1], count, given.side, 0.0)
        read_and_convert(*folders)
        times = [(seconds(read_and_convert, *folders), seconds(compare, *folders))
                 for _ in range(given.runs)]  # fmt: skip
    read, compared = (statistics.median(column) for column in zip(*times, strict=True))
    size = 4 * given.side**2 * count // 2**20
    line = {"megabytes": size, "read_s": read, "compare_s": compared, "ratio": read / compared}
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
