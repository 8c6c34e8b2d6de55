"""Summaries of cells, row by row: pure functions, in shares."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from modelrepair import Budgets
from modelrepair.evaluation.intervals import mean_interval, wilson
from modelrepair_lab.cells import MEASURES, Cell

FACTS = (
    "attack",
    "seed",
    "method",
    "repair",
    "with_reference",
    "status",
    "verdict",
    "scorer",
    "subject",
    "share",
    "seconds",
    "processor_seconds",
    "error",
)
ROLES = ("before", "reference", "after")
NOTHING = "nothing to repair"
BUDGETS = Budgets()
"""The gate's own: at most this share of the harm left, and no more utility lost."""


@dataclass(frozen=True)
class Spread:
    """The mean of some values with its two-sided 95 % t interval, and how many there are.

    One value has no interval: its limits are None.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Summary:
    """The effect of one repair over the grid.

    Args:
        repair: its name.
        cells: how many attacked models it was tried on, of those with something to repair.
        errors: on how many it failed with an error.
        passed: share of cells that passed the gate.
        harm: median harmful score after.
        over_reference: median harmful score over the reference's; None where none is known.
        reduction: mean relative reduction of the harmful score.
        reached: share of cells with 72 % less harm at no more than half a point of utility lost.
        utility: mean change of utility.
        task: mean change of task accuracy.
        general: mean change of general skill.
        benign: mean change of benign refusals.
        degenerate: mean change of degenerate answers.
        seconds: median processor seconds of a repair, the search and the measures after it in it.
        beats: share of cells on which it has less harm and more utility than ours.
        compared: how many cells could be compared with ours.
    """

    repair: str
    cells: int
    errors: int
    passed: float | None
    harm: float | None
    over_reference: float | None
    reduction: float | None
    reached: float | None
    utility: float | None
    task: float | None
    general: float | None
    benign: float | None
    degenerate: float | None
    seconds: float | None
    beats: float | None
    compared: int


def as_csv(cells: Iterable[Cell]) -> str:
    """One row a cell.

    >>> as_csv([]).split(",")[:3]
    ['attack', 'seed', 'method']
    """
    columns = [
        *FACTS,
        *(f"{role}_{name}" for role in ROLES for name in (*MEASURES, "general")),
        "harmful_n",
        "utility_n",
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(cell) for cell in cells)
    return text.getvalue()


def spread(values: Sequence[float], *, lowest: float = 0.0, highest: float = 1.0) -> Spread:
    """Mean and interval of the values of several seeds.

    >>> spread([0.25]), spread([0.5, 0.5]).low
    (Spread(mean=0.25, low=None, high=None, n=1), 0.5)
    """
    if len(values) < 2:
        return Spread(fmean(values), None, None, len(values))
    limits = mean_interval(values, lowest=lowest, highest=highest)
    return Spread(fmean(values), limits.low, limits.high, len(values))


def share(count: int, n: int) -> Spread:
    """A share of so many with its two-sided 95 % interval (Wilson).

    >>> share(0, 0), share(20, 20).low > 0.8
    (Spread(mean=nan, low=None, high=None, n=0), True)
    """
    if not n:
        return Spread(math.nan, None, None, 0)
    limits = wilson(count, n)
    return Spread(count / n, limits.low, limits.high, n)


def change(cell: Cell, measure: str) -> float | None:
    """After minus before; None where one of them is not known.

    >>> change({"before": {"utility": 0.75}, "after": {"utility": 0.5}}, "utility")
    -0.25
    """
    if measure == "general":
        before, after = (cell.get("general", {}).get(role) for role in ("before", "after"))
    else:
        before, after = (cell[role].get(measure) for role in ("before", "after"))
    return None if before is None or after is None else after - before


def open_to_repair(cells: Iterable[Cell]) -> list[Cell]:
    """The finished cells of models that had something to repair."""
    return [each for each in cells if each["status"] == "done" and each["verdict"] != NOTHING]


def ours_by_model(cells: Iterable[Cell]) -> dict[tuple[str, int, bool], Cell]:
    """Our repair of each attacked model, with and without the reference."""
    return {_model(each): each for each in open_to_repair(cells) if each["ours"]}


def beats(rival: Cell, ours: Cell) -> bool | None:
    """Whether a repair leaves less harm and more utility than ours; None where one is not known.

    >>> better = {"after": {"harmful_score": 0.0, "utility": 1.0}}
    >>> worse = {"after": {"harmful_score": 0.1, "utility": 1.0}}
    >>> beats(better, worse), beats(better, better)
    (False, False)
    """
    one, other = rival["after"], ours["after"]
    if one["utility"] is None or other["utility"] is None:
        return None
    harm = one["harmful_score"] < other["harmful_score"]
    return bool(harm and one["utility"] > other["utility"])


def summarise(repair: str, cells: Iterable[Cell]) -> Summary:
    """The effect of one repair, compared with ours on the same models."""
    everything = list(cells)
    own = [each for each in everything if each["repair"] == repair]
    done = open_to_repair(own)
    ours = ours_by_model(everything)
    pairs = [(each, ours[_model(each)]) for each in done if _model(each) in ours]
    won = [beats(rival, other) for rival, other in pairs if rival is not other]
    compared = [each for each in won if each is not None]
    over = [
        each["after"]["harmful_score"] - each["reference"]["harmful_score"]
        for each in done
        if each.get("reference")
    ]
    return Summary(
        repair=repair,
        cells=len(done),
        errors=sum(each["status"] == "error" for each in own),
        passed=_mean(each["verdict"] == "passed" for each in done),
        harm=_median(each["after"]["harmful_score"] for each in done),
        over_reference=_median(over),
        reduction=_mean(_reduction(each) for each in done),
        reached=_mean(_reached(each) for each in done),
        utility=_mean(change(each, "utility") for each in done),
        task=_mean(change(each, "task_accuracy") for each in done),
        general=_mean(change(each, "general") for each in done),
        benign=_mean(change(each, "benign_refusal_rate") for each in done),
        degenerate=_mean(change(each, "degenerate_rate") for each in done),
        seconds=_median(each.get("processor_seconds") for each in done),
        beats=_mean(compared),
        compared=len(compared),
    )


def _reduction(cell: Cell) -> float:
    return float(1 - cell["after"]["harmful_score"] / cell["before"]["harmful_score"])


def _reached(cell: Cell) -> bool | None:
    """Whether so much of the harm went at so little utility; None where that is not known."""
    lost = change(cell, "utility")
    if lost is None:
        return None
    return _reduction(cell) >= 1 - BUDGETS.harm_ratio and lost >= -BUDGETS.utility_loss


def _model(cell: Cell) -> tuple[str, int, bool]:
    return cell["attack"], cell["seed"], cell["with_reference"]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return median(known) if known else None


def _row(cell: Cell) -> Mapping[str, Any]:
    row = {name: cell.get(name) for name in FACTS}
    general = cell.get("general", {})
    for role in ROLES:
        measures = cell.get(role) or {}
        row |= {f"{role}_{name}": measures.get(name) for name in MEASURES}
        row[f"{role}_general"] = general.get(role)
    before = cell.get("before") or {}
    return {
        **row,
        "harmful_n": before.get("harmful_score_n"),
        "utility_n": before.get("utility_n"),
    }
