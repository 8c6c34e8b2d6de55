"""The conformance kit: tests a plug-in of any kind, in pytest by one class, or by a call.

>>> from modelrepair.testing import ScorerConformance                         # doctest: +SKIP
>>> class TestMine(ScorerConformance):                                        # doctest: +SKIP
...     name = "my-scorer"

``modelrepair plugins check my-scorer`` runs the same checks. docs/conformance.md lists them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelrepair.testing.checks import KIT, Broken, Check, NotApplicable
    from modelrepair.testing.conformance import (
        ExampleSetConformance,
        JudgeConformance,
        RepairerConformance,
        ScorerConformance,
    )
    from modelrepair.testing.record import Counts, Record, Result, disappeared, read_records
    from modelrepair.testing.runner import check

__all__ = [
    "KIT",
    "Broken",
    "Check",
    "Counts",
    "ExampleSetConformance",
    "JudgeConformance",
    "NotApplicable",
    "Record",
    "RepairerConformance",
    "Result",
    "ScorerConformance",
    "check",
    "disappeared",
    "read_records",
]

# pytest loads a module of this package whenever it starts, so nothing is imported before it is
# used; the classes need pytest, which users of `plugins check` may not have.
_MODULES = {
    "KIT": "checks",
    "Broken": "checks",
    "Check": "checks",
    "Counts": "record",
    "ExampleSetConformance": "conformance",
    "JudgeConformance": "conformance",
    "NotApplicable": "checks",
    "Record": "record",
    "RepairerConformance": "conformance",
    "Result": "record",
    "ScorerConformance": "conformance",
    "check": "runner",
    "disappeared": "record",
    "read_records": "record",
}
"""The module that each public name is in."""


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
