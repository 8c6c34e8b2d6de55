"""The benchmark: ``python -m benchmarks.run [PART …]``, or `make bench`.

What is known stays, unless it was measured on another machine or with other versions: an
interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe, no_gpu
from benchmarks.page import write_page
from benchmarks.parts import PARTS, Options
from benchmarks.running import ROOT, load, run_part
from benchmarks.shapes import SHAPES, largest

ON_A_GPU = ("scoring", "reverse", "whole")
"""What `--device cuda` compares where no part is named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run parts, keep their results and write the page; the exit code.

    Args:
        arguments: of the program; None takes those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--shape", choices=(*SHAPES, "largest"))
    parser.add_argument("--examples", type=int, default=Options.examples)
    parser.add_argument("--blocks", type=int, help="another depth of the shape")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--trials", type=int, default=Options.trials)
    parser.add_argument("--large", choices=SHAPES, default=Options.large)
    parser.add_argument("--work", type=Path, default=ROOT / Options.work)
    parser.add_argument("--environments", type=Path, default=ROOT / Options.environments)
    parser.add_argument("--results", type=Path, default=ROOT / "docs/results/performance.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/performance.md")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    asked = vars(parser.parse_args(arguments))
    named, results, page = (asked.pop(name) for name in ("parts", "results", "page"))
    again, device = asked.pop("again"), asked["device"]
    if unknown := [name for name in named if name not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    if device == "cuda" and (lacking := no_gpu()):
        sys.stderr.write(f"{lacking}\n")
        return 1
    if asked["shape"] in (None, "largest"):
        asked["shape"] = largest() if device == "cuda" else Options.shape
    options, machine = Options(**asked), describe(device)
    for name in named or (ON_A_GPU if device == "cuda" else PARTS):
        run_part(name, PARTS[name], options, machine, results, again=again)
        write_page(page, load(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
