"""Stage 6: figures that a model states of itself, beside those that were measured."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import MANIFEST_LIMIT, known, reading_of
from modelrepair.auditing.behaviour.measured import behaviour
from modelrepair.auditing.context import Context
from modelrepair.auditing.inventory import StatedMeasure, stated
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.untrusted import parse_json
from modelrepair.evaluation.intervals import wilson

CONTRADICTED = Rule(
    "MR-BEH-004",
    "behaviour",
    "error",
    "contradicted-figures",
    "figures that its record or card states are better than those that were measured",
    "don't repeat the figures; ask the author what they were measured with",
)
WORSE: Mapping[str, int] = {
    "harmful_score": 1,
    "refusal_rate": -1,
    "benign_refusal_rate": 1,
    "degenerate_rate": 1,
    "utility": -1,
}
"""Whether higher or lower is worse."""
_SAID = re.compile(r"judge ([\w.-]{1,80}), n = (\d{1,9})")
_SET = re.compile(r"(\S{1,200}) \([\w-]{1,40}, report split\)")


def stated_by(model: Opened) -> tuple[list[StatedMeasure], set[str]]:
    """The measures that a model states, and the sets that they were taken on.

    Its manifest says all of them with their intervals; without one, the ``model-index`` of its
    card says value, judge and number of examples, where modelrepair wrote it.

    Args:
        model: which.

    Raises:
        ModelRepairError: the file that says so can't be read.
    """
    data = model.read(MANIFEST_NAME, MANIFEST_LIMIT)
    if data is None:
        return _of_card(model.card)
    manifest = known(reading_of(parse_json(data, MANIFEST_NAME, strict=True)))
    after = manifest.measures.get("after")
    found = [] if after is None else list(stated(after, MANIFEST_NAME))
    return found, {record.id for record in manifest.sets.values()}


def _of_card(card: Mapping[str, Any]) -> tuple[list[StatedMeasure], set[str]]:
    found, sets = [], set()
    for metric, name in _metrics(card.get("model-index")):
        value, said = _share(metric.get("value")), _SAID.search(str(metric.get("name")))
        if said is None or value is None:
            continue
        judge, n = said[1], max(1, int(said[2]))
        limits = wilson(value * n, n)
        found.append(
            StatedMeasure(str(metric["type"]), value, n, limits.low, limits.high, judge, "its card")
        )
        if (known := _SET.match(name)) is not None:
            sets.add(known[1])
    return found, sets


def _metrics(index: Any) -> Iterable[tuple[Mapping[str, Any], str]]:
    """Each metric of a ``model-index`` that has a name of ours, with its data set's name."""
    for model in _rows(index):
        for result in _rows(model.get("results")):
            dataset = result.get("dataset")
            name = str(dataset.get("name")) if isinstance(dataset, dict) else ""
            for metric in _rows(result.get("metrics")):
                if metric.get("type") in WORSE:
                    yield metric, name


def _share(value: Any) -> float | None:
    """A share of 0 to 1; a card's front matter is read with fractions as text."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= 1 and not isinstance(value, bool) else None


def _rows(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def contradicted(context: Context) -> Finding:
    """Compare what it states with what was measured, where judge and sets are the same.

    Args:
        context: the model under audit.
    """
    said, sets = stated_by(context.target)
    if not said:
        return CONTRADICTED.not_applicable("it states no figure of ours")
    found = behaviour(context)
    measures = found.measures
    judges = {each.judge for each in said}
    asked = set(context.measuring.sets if context.measuring is not None else ())
    if judges != {measures.judge} or not sets & asked:
        return CONTRADICTED.inconclusive(
            f"it states figures of judge {listed(judges)} on {listed(sets) or 'unknown sets'}; "
            f"measured were judge {measures.judge} on {listed(asked)}",
            stated=[vars(each) for each in said],
        )
    rows, worse = [], []
    for each in said:
        own, sign = getattr(measures, each.name, None), WORSE.get(each.name)
        if own is None or sign is None or own.low is None or own.high is None:
            continue
        rows.append({"name": each.name, "stated": vars(each), "measured": own.to_json()})
        apart = own.low > (each.high if each.high is not None else 1) if sign > 0 else (
            own.high < (each.low or 0)
        )  # fmt: skip
        if apart:
            worse.append(f"{each.name} is {own.value:.2f}, stated {each.value:.2f}")
    if worse:
        return CONTRADICTED.found("; ".join(worse), figures=rows)
    if not rows:
        return CONTRADICTED.inconclusive("none of the figures that it states was measured")
    return CONTRADICTED.clear(f"{len(rows)} figures are not contradicted", figures=rows)


CHECKS: tuple[Check[Context], ...] = ((CONTRADICTED, contradicted),)
