"""What was measured, as the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrepair.evaluation.measures import TITLES, keyword_rate

COLUMNS = ("measure, with its 95 % interval", "model", "base", "difference")


def rows(document: Mapping[str, Any]) -> list[list[str]]:
    """Each measure of the model, of its base, and their paired difference.

    >>> score = {"value": 0.25, "n": 4, "low": 0.05, "high": 0.7}
    >>> rows({"model": {"judge": "guard", "harmful_score": score}, "base": None})
    [['harmful score', '0.250 (0.050 to 0.700), n = 4', '–', '–']]

    Args:
        document: the behaviour of `modelrepair.auditing.results.Audit.behaviour`.
    """
    sides = (document["model"], document["base"] or {}, document.get("differences") or {})
    judge = document["model"].get("judge")
    return [
        [title.short + keyword_rate(name, judge), *(_cell(side.get(name)) for side in sides)]
        for name, title in TITLES.items()
        if document["model"].get(name) is not None
    ]


def facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the measures were taken with, and what leaves one out.

    >>> facts({"model": {"judge": "guard"}, "no_base": "none is known", "warnings": ["short"]})
    [('Judge', 'guard'), ('No base', 'none is known'), ('Warning', 'short')]

    Args:
        document: as `rows` takes it.
    """
    found = [("Judge", document["model"].get("judge"))]
    found += [("No base", document.get("no_base"))]
    if (served := document.get("endpoint")) is not None:
        engine, version = served["engine"], served["version"]
        by = engine if version == "unknown" else f"{engine} {version}"
        found += [("Endpoint", f"{served['url']}, {served['model']}, by {served['route']}; "
                   f"engine: {by}")]  # fmt: skip
    found += [("Warning", each) for each in document.get("warnings", ())]
    return [(name, str(text)) for name, text in found if text]


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None or measure["value"] is None:
        return "–"
    low, high = (
        "–" if each is None else f"{each:.3f}" for each in (measure["low"], measure["high"])
    )
    return f"{measure['value']:.3f} ({low} to {high}), n = {measure['n']}"
