"""A whole repair of the demo's model on a device without float64, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from modelrepair import repair
from modelrepair.demo import paths
from tests.support.no_float64 import device_without_float64, with_gradients

SETS = ("realign", "refusal", "utility")


def main(out: str, by: str, name: str, subject: str = "delta") -> None:
    """Repair into a folder, by a scorer or a repairer."""
    with_gradients()
    how = {"repairer": name, "strength": 0.5}
    if by == "scorer":
        how = {"scorer": name, "ratio": 0.05, "subject": subject}
    with device_without_float64() as device:
        report = repair(
            paths.attacked,
            out=Path(out),
            reference=str(paths.reference),
            device=str(device),
            evaluate=False,
            examples=8,
            borderline="none",
            **how,
            **{name: paths.sets[name] for name in SETS},
        )
    sys.stdout.write(f"{report.verdict}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
