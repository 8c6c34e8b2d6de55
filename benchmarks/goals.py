"""The goals of the benchmark, and what of them was reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants.phases import ALL
from benchmarks.environments import COMPRESSOR
from benchmarks.running import Results

Rows = Mapping[str, Mapping[str, Any]]
OURS = "ours"
_RIVALS = ("published loop, restated", COMPRESSOR[0])


@dataclass(frozen=True)
class Goal:
    """One goal and its figure: a ratio, of processor time where nothing else is said.

    Args:
        text: what is wanted.
        measured_on: the table that the figure is from.
        limit: of the figure.
        measured: the figure.
        at_least: whether the limit is the least; else it is the most.
    """

    text: str
    measured_on: str
    limit: float
    measured: float
    at_least: bool = False

    @property
    def sign(self) -> str:
        """How the figure is compared with the limit."""
        return "≥" if self.at_least else "≤"

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def goals(results: Results) -> list[Goal]:
    """Every goal whose rows were measured, table by table.

    Args:
        results: of all runs.
    """
    found = []
    for part, of_part in _GOALS.items():
        for measured_on, table in results.get(part, {}).items():
            rows = {name: row for name, row in table["rows"].items() if row["failure"] is None}
            for text, limit, measured, at_least in of_part(rows):
                found.append(Goal(text, measured_on, limit, measured, at_least))
    return found


_Found = tuple[str, float, float, bool]


def _scoring(rows: Rows) -> Iterator[_Found]:
    if OURS not in rows:
        return
    ours = rows[OURS]
    rivals = [rows[name] for name in _RIVALS if name in rows]
    for name in _RIVALS:
        if name in rows:
            yield f"scoring: {name} / ours", 2.5, _time(rows[name], ours), True
    if "plain forward" in rows:
        yield "scoring: ours / plain forward", 1.35, _time(ours, rows["plain forward"]), False
    peaks = [row for row in rivals if row["peak_bytes"] is not None]
    if peaks and ours["peak_bytes"] is not None:
        best = min(peaks, key=lambda row: float(row["peak_bytes"]))
        yield "scoring: peak memory, ours / best rival", 0.5, _peak(ours, best), False


def _reverse(rows: Rows) -> Iterator[_Found]:
    ours, plain = rows.get("ours, gradient"), rows.get("plain forward and backward")
    if ours and plain:
        yield "reverse pass: ours / plain forward and backward", 1.5, _time(ours, plain), False


def _whole(rows: Rows) -> Iterator[_Found]:
    for row in rows.values():
        phases = row["said"]["phases_s"]
        statistics = sum(value for name, value in phases.items() if name.endswith("statistics"))
        share = 1 - statistics / phases[ALL]
        yield "fix: what is not statistics / all", 0.1, share, False


def _depth(rows: Rows) -> Iterator[_Found]:
    least, most = rows.get("8 blocks"), rows.get("32 blocks")
    if least and most and least["peak_bytes"] and most["peak_bytes"]:
        yield "peak memory: 32 blocks / 8 blocks", 1.05, _peak(most, least), False


def _large(rows: Rows) -> Iterator[_Found]:
    for row in rows.values():
        if row["peak_bytes"] is not None:
            yield "7 billion parameters: peak memory in GB", 4.0, row["peak_bytes"] / 1e9, False


def _repairs(rows: Rows) -> Iterator[_Found]:
    for end in ("", ", no reference"):
        ours, rival = rows.get(f"contrast{end}"), rows.get(f"realign{end}")
        if ours and rival and ours["said"]["verdict"] == rival["said"]["verdict"]:
            yield f"whole repair: contrast / realign{end}", 1.0, _time(ours, rival), False


_GOALS: Mapping[str, Callable[[Rows], Iterator[_Found]]] = {
    "scoring": _scoring,
    "reverse": _reverse,
    "whole": _whole,
    "depth": _depth,
    "large": _large,
    "repairs": _repairs,
}


def _time(row: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return float(row["processor_s"]) / float(other["processor_s"])


def _peak(row: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return float(row["peak_bytes"]) / float(other["peak_bytes"])
