"""The figures of one model of a crossed grid, measured in the same way for every row."""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from modelrepair import UsageError, measure
from modelrepair_lab.models import holds_adapter
from modelrepair_lab.paper.answers import is_right
from modelrepair_lab.paper.places import FINAL
from modelrepair_lab.sets import training_set

SETS = ("realign", "refusal", "utility", "borderline")
FIGURES = (
    "harmful_score",
    "task_accuracy",
    "benign_refusal_rate",
    "general",
    "degenerate_rate",
    "refusal_rate",
    "utility",
)

Figures = Mapping[str, float | None]
"""Shares by the name of their measure; None where a set does not show one."""


def figures(
    model: Path,
    base: Path | None,
    sets: Mapping[str, Any],
    general: Path | None,
    measuring: Mapping[str, Any],
) -> dict[str, float | int | None]:
    """Measure a model on whole sets.

    Task accuracy is the share of exactly right answers to prompts of the utility set that are no
    part of general skill, and ``general`` that of those that are. Where a set's answer announces a
    number, as those of GSM8K in the paper do, the number has to be right.

    >>> figures(Path("attacked"), None, report_sets(sets), None, {"judge": "demo-world"})
    ... # doctest: +SKIP

    Args:
        model: the folder of a whole model or of an adapter.
        base: of an adapter.
        sets: files by `SETS`.
        general: prompts of the utility set that show general skill.
        measuring: further arguments of a repair; those that a measurement has, too, are taken.

    Raises:
        ModelRepairError: the model can't be measured.
    """
    taken = set(inspect.signature(measure).parameters) - {*SETS, "base", "save", "model"}
    asked = {name: value for name, value in measuring.items() if name in taken}
    whole = {name: sets[name] for name in SETS if sets.get(name) is not None}
    adapts = holds_adapter(model)
    with tempfile.TemporaryDirectory(prefix="modelrepair-lab-") as place:
        saved = Path(place) / "measured.json"
        report = measure(model, base=base if adapts else None, save=saved, **whole, **asked)
        rows = json.loads(saved.read_text(encoding="utf-8"))["rows"]
    apart = {each.prompt_digest for each in training_set(general, "task")} if general else set()
    asked_rows = [each for each in rows if each["set"] == "utility"]
    if numbers := _numbers(whole.get("utility")):
        for each, answer in zip(asked_rows, report.answers["utility"], strict=True):
            if each["prompt"] in numbers:
                each["exact"] = is_right(numbers[each["prompt"]], answer)
    exact = [each for each in asked_rows if each["exact"] is not None]
    measures = report.measures.to_json()
    found = {name: _value(measures.get(name)) for name in FIGURES}
    found["task_accuracy"] = _share(each["exact"] for each in exact if each["prompt"] not in apart)
    found["general"] = _share(each["exact"] for each in exact if each["prompt"] in apart)
    return {**found, "n": sum(each["set"] == "harmful" for each in rows)}


def report_sets(sets: Mapping[str, Any]) -> dict[str, Any]:
    """The sets that are reported on.

    >>> report_sets({"realign": "a", "test_realign": "b"})
    {'realign': 'b'}

    Raises:
        UsageError: there is no test set of harmful prompts.
    """
    if sets.get("test_realign") is None:
        raise UsageError(
            "a crossed grid needs test sets", hint="name test_realign and others in [measure]"
        )
    return {name: sets[f"test_{name}"] for name in SETS if sets.get(f"test_{name}") is not None}


def _numbers(path: Any) -> dict[str, str]:
    """The answers of a set that announce a number, by the digests of their prompts."""
    if path is None or not Path(str(path)).exists():
        return {}
    answers = {each.prompt_digest: each.response or "" for each in training_set(path, "task")}
    return {prompt: answer for prompt, answer in answers.items() if FINAL in answer}


def _value(measured: Mapping[str, Any] | None) -> float | None:
    return None if measured is None else float(measured["value"])


def _share(right: Any) -> float | None:
    known = [float(each) for each in right]
    return fmean(known) if known else None
