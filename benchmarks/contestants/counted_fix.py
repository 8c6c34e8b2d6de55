"""Ours, the whole command on a model of many tensors: its steps, its files, and its fsyncs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import modelrepair
from benchmarks.contestants.asked import say
from benchmarks.contestants.phases import phases
from modelrepair import demo_paths
from modelrepair.progress import Event

RATIO = 0.001


def main(arguments: Sequence[str] | None = None) -> None:
    """Repair it at a fixed ratio, without answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args(arguments)
    synced, plain = 0, os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        plain(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    events: list[Event] = []
    try:
        report = modelrepair.repair(
            asked.source,
            reference="none",
            scorer="wanda",
            scope="global",
            ratio=RATIO,
            evaluate=False,
            out=asked.out,
            progress=events.append,
            **demo_paths.sets,
        )
    finally:
        os.fsync = plain
    assert report.manifest is not None
    say(
        {
            "fsyncs": synced,
            "card_bytes": (asked.out / "README.md").stat().st_size,
            "manifest_bytes": (asked.out / "repair" / "manifest.json").stat().st_size,
            "masked_tensors": sum(site.masked > 0 for site in report.manifest.sites),
            "phases_s": phases(events),
        }
    )


if __name__ == "__main__":
    main()
