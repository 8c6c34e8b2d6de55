"""Ours, the whole command: `fix` with a fixed ratio and no answers, by what its events say."""

from __future__ import annotations

import json
from collections.abc import Sequence

import modelrepair
from benchmarks.contestants.asked import read_asked, say
from benchmarks.contestants.phases import phases
from benchmarks.examples import read_examples, write_examples
from modelrepair.progress import Event

SCORED = 0.4
"""The share of a set on which a repair scores."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Repair a model of random weights: read, score, select, hash and write."""
    asked = read_asked(arguments)
    vocabulary = json.loads((asked.model / "config.json").read_bytes())["vocab_size"]
    count = len(read_examples(asked.examples))
    events: list[Event] = []
    report = modelrepair.repair(
        asked.model,
        reference="none",
        realign=write_examples(round(count / SCORED), vocabulary, asked.work / "pairs.jsonl"),
        utility="none",
        borderline="none",
        examples=count,
        scorer=asked.scorer,
        ratio=asked.ratio,
        evaluate=False,
        device=asked.device,
        out=asked.work / "repaired",
        progress=events.append,
    )
    assert report.manifest is not None
    masked = sum(site.masked for site in report.manifest.sites)
    say({"masked": masked, "phases_s": phases(events)})


if __name__ == "__main__":
    main()
