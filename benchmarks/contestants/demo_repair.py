"""A whole repair of the demo's attacked model, with its search, its answers and its verdict."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import modelrepair
from benchmarks.contestants.asked import say
from benchmarks.contestants.phases import phases
from modelrepair import demo_paths
from modelrepair.progress import Event


def main(arguments: Sequence[str] | None = None) -> None:
    """Repair it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=("contrast", "wanda", "realign"))
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--work", type=Path, required=True)
    asked = parser.parse_args(arguments)
    events: list[Event] = []
    report = modelrepair.repair(
        demo_paths.attacked,
        reference="none" if asked.no_reference else demo_paths.reference,
        judge="demo-world",
        device=asked.device,
        out=asked.work / "repaired",
        progress=events.append,
        **{"repairer" if asked.method == "realign" else "scorer": asked.method},
        **demo_paths.sets,
    )
    measured = {role: some.to_json() for role, some in report.measures.items()}
    harm = {role: measured[role]["harmful_score"]["value"] for role in ("before", "after")}
    benign = measured["after"]["benign_refusal_rate"]["value"]
    say(
        {
            "verdict": report.verdict,
            "harm_before": harm["before"],
            "harm_after": harm["after"],
            "benign_refused": benign,
            "phases_s": phases(events),
        }
    )


if __name__ == "__main__":
    main()
