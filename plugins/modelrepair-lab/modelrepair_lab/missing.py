"""Which repairs of a grid this environment can't run: plug-ins that are not installed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from modelrepair import ModelRepairError, repair
from modelrepair.plugin.registry import Registry, load_registry
from modelrepair_lab.grid import RepairRow


def missing(rows: Iterable[RepairRow]) -> dict[str, str]:
    """Why a repair can't be run, by the names of those that can't.

    >>> missing([RepairRow("mine", {"scorer": "not-installed"})])
    {'mine': "no scorer named 'not-installed'"}
    """
    registry = load_registry()
    reasons = {row.name: _reason(row, registry) for row in rows}
    return {name: reason for name, reason in reasons.items() if reason}


def _reason(row: RepairRow, registry: Registry) -> str | None:
    unknown = set(row.arguments) - set(inspect.signature(repair).parameters)
    if unknown:
        return f"this modelrepair does not know {', '.join(sorted(unknown))}"
    for kind in ("scorer", "repairer"):
        if name := row.arguments.get(kind):
            try:
                getattr(registry, kind)(name)
            except ModelRepairError as error:
                return str(error)
    return None
