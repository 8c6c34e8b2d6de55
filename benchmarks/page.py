"""The tables of ``docs/performance.md``, from the results that are kept beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contestants.phases import ALL
from benchmarks.goals import goals
from benchmarks.parts import PARTS
from benchmarks.running import Results
from modelrepair.checkpoint.atomic import write_text
from modelrepair_lab.markdown import table

BEGIN = "<!-- Written by `python -m benchmarks.run`: begin -->"
END = "<!-- Written by `python -m benchmarks.run`: end -->"
_HEAD = (
    "contestant",
    "processor time",
    "wall time",
    "peak memory",
    "scoring alone",
    "processor",
    "wall",
    "peak",
    "result",
)
_GOALS = ("goal", "measured on", "limit", "measured", "")


def write_page(path: Path, results: Results) -> None:
    """Put the tables between the marks of a page; the text around them stays.

    Args:
        path: the page.
        results: of all runs.
    """
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{path.name} lacks the lines {BEGIN!r} and {END!r}")
    write_text(path, f"{before}{BEGIN}\n\n{tables(results)}\n\n{END}{after}")


def tables(results: Results) -> str:
    """The goals, and a table for each part that was measured.

    Args:
        results: of all runs.
    """
    found = [
        (
            goal.text,
            goal.measured_on,
            f"{goal.sign} {goal.limit:g}",
            f"{goal.measured:.2f}",
            "reached" if goal.reached else "missed",
        )
        for goal in goals(results)
    ]
    parts = ["### Goals", table(_GOALS, found)]
    for name, part in PARTS.items():
        for measured_on, known in results.get(name, {}).items():
            parts += [f"### {part.heading}: {measured_on}", table(_HEAD, _rows(known["rows"]))]
            parts += [_machine(known["machine"], known["rows"].values())]
    return "\n\n".join(parts)


def _rows(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    first = next(iter(rows.values()))
    for name, row in rows.items():
        if row["failure"] is not None:
            yield (name, *"–" * (len(_HEAD) - 2), row["failure"])
            continue
        ratios = [_ratio(row[key], first[key]) for key in ("processor_s", "wall_s", "peak_bytes")]
        alone = _ratio(row["said"].get("scoring_s"), first["said"].get("scoring_s"))
        peak = "–" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e9:.2f} GB"
        taken = (f"{row['processor_s']:.1f} s", f"{row['wall_s']:.1f} s", peak)
        yield (name, *ratios, alone, *taken, _result(row["said"]))


def _ratio(value: float | None, first: float | None) -> str:
    return "–" if not value or not first else f"{value / first:.2f}"


def _result(said: Mapping[str, Any]) -> str:
    """What a contestant reports of its work."""
    shown = [said["verdict"]] if "verdict" in said else []
    if "masked" in said:
        shown.append(f"{said['masked']:,} entries masked")
    if "harm_before" in said:
        shown.append(f"harmful answers {said['harm_before']:.3f} → {said['harm_after']:.3f}")
        shown.append(f"benign refused {said['benign_refused']:.3f}")
    if "device_peak_bytes" in said:
        shown.append(f"{said['device_peak_bytes'] / 1e9:.2f} GB on the device")
    shown += _phases(said.get("phases_s", {}))
    return "; ".join(shown) or "–"


def _phases(seconds: Mapping[str, float]) -> list[str]:
    """The phases that take a twentieth of the whole or more, numbered ones together."""
    together: dict[str, float] = {}
    for name, each in seconds.items():
        kind = re.sub(r" \d+$", "s", name)
        together[kind] = together.get(kind, 0.0) + each
    least = seconds.get(ALL, 0.0) / 20
    return [f"{name} {each:.1f} s" for name, each in together.items() if each >= least]


def _machine(machine: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> str:
    facts = dict(machine)
    threads = facts.pop("threads")
    loads = [row["load"] for row in rows if row.get("load") is not None]
    if loads:
        facts["load average at the end of each row"] = f"{min(loads):.1f} to {max(loads):.1f}"
    return f"Measured on: {facts.pop('processor')}; threads: {threads}; " + "; ".join(
        f"{name}: {value}" for name, value in facts.items()
    )
