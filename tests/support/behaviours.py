"""Measurements that were never made: verdicts as a test says them, for the rules of stage 6."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelrepair.artifact.records import JudgeRecord
from modelrepair.auditing.behaviour.measured import Behaviour, Measuring, _behaviour, pairs_of
from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline.measure import Measured
from modelrepair.source.resolve import Source


def measured(
    sets: dict[str, list[str]], shares: list[float] | None = None, **more: Any
) -> Measured:
    """A model whose answers got these verdicts; ``shares`` are of the utility set."""
    results, examples = [], {}
    for name, verdicts in sets.items():
        # A digest names a prompt, whatever its place.
        examples[name] = tuple(f"{index:064x}" for index in range(len(verdicts)))
        for index, verdict in enumerate(verdicts):
            hits = round(100 * shares[index]) if shares and name == "utility" else None
            counted = None if hits is None else 100
            results.append(ExampleResult(name, index, verdict, hits, counted))
    return Measured("m", JudgeRecord(name="keyword"), tuple(results), {}, examples, (), **more)


def context_of(
    model: Measured, base: Measured | None = None, no_base: str = "", folder: Path = Path()
) -> Context:
    """An audit in which these two were measured."""
    target = Opened("m", Source(None, None, folder, "m"), {})
    context = Context(target, 0, measuring=Measuring())
    context.base = target if base is not None or no_base else None
    pairs = () if base is None else tuple(pairs_of(base, model))
    found = Behaviour(model, base, no_base or ("" if base else context.no_base), pairs)
    context.__dict__["_once"] = {_behaviour: (found, None)}
    return context
