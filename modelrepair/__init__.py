"""Repair fine-tuned language models whose safety alignment was broken, with proof.

>>> import modelrepair
>>> modelrepair.repair("user/model", realign="harmful.jsonl")                # doctest: +SKIP

`import modelrepair` takes a few milliseconds: a function is imported when it is first used, torch
and transformers when something is computed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelrepair.budgets import Budgets
from modelrepair.errors import (
    DamagedCheckpointError,
    EmptyMaskError,
    EndpointError,
    ExampleSetError,
    GateError,
    HubError,
    InconclusiveError,
    ModelRepairError,
    PluginError,
    RepairInterrupted,
    ResourceError,
    UnsupportedModelError,
    UsageError,
)
from modelrepair.progress import Event, Progress

if TYPE_CHECKING:
    from modelrepair.api.checking import audit, audits, verify
    from modelrepair.api.deciding import decide
    from modelrepair.api.publishing import attest, push
    from modelrepair.api.repairing import apply, measure, plan, repair
    from modelrepair.artifact.findings import Finding, Verification
    from modelrepair.artifact.reading import load_manifest
    from modelrepair.auditing.behaviour.measured import Measuring
    from modelrepair.auditing.comment import audit_comment
    from modelrepair.auditing.results import Audit
    from modelrepair.demo import paths as demo_paths
    from modelrepair.pipeline.reports import MeasureReport, RepairReport
    from modelrepair.preflight.plan import Plan
    from modelrepair.publishing.attest import Attestation
    from modelrepair.publishing.push import PushReport
    from modelrepair.text.event_file import EventFile

__version__: str

__all__ = [
    "Attestation",
    "Audit",
    "Budgets",
    "DamagedCheckpointError",
    "EmptyMaskError",
    "EndpointError",
    "Event",
    "EventFile",
    "ExampleSetError",
    "Finding",
    "GateError",
    "HubError",
    "InconclusiveError",
    "MeasureReport",
    "Measuring",
    "ModelRepairError",
    "Plan",
    "PluginError",
    "Progress",
    "PushReport",
    "RepairInterrupted",
    "RepairReport",
    "ResourceError",
    "UnsupportedModelError",
    "UsageError",
    "Verification",
    "apply",
    "attest",
    "audit",
    "audit_comment",
    "audits",
    "decide",
    "demo_paths",
    "load_manifest",
    "measure",
    "plan",
    "push",
    "repair",
    "verify",
]

_ON_FIRST_USE = {
    "Attestation": "publishing.attest",
    "Audit": "auditing.results",
    "EventFile": "text.event_file",
    "Finding": "artifact.findings",
    "MeasureReport": "pipeline.reports",
    "Measuring": "auditing.behaviour.measured",
    "Plan": "preflight.plan",
    "PushReport": "publishing.push",
    "RepairReport": "pipeline.reports",
    "Verification": "artifact.findings",
    "apply": "api.repairing",
    "attest": "api.publishing",
    "audit": "api.checking",
    "audit_comment": "auditing.comment",
    "audits": "api.checking",
    "decide": "api.deciding",
    "load_manifest": "artifact.reading",
    "measure": "api.repairing",
    "plan": "api.repairing",
    "push": "api.publishing",
    "repair": "api.repairing",
    "verify": "api.checking",
}
"""The functions and what they return, and the module of each: authors of plug-ins need neither."""


def __getattr__(name: str) -> Any:
    """Import a function, a result's type or the demo's paths on first use."""
    if name == "__version__":
        return import_module("modelrepair.version").version()
    if name == "demo_paths":
        return import_module("modelrepair.demo.paths")
    if name in _ON_FIRST_USE:
        return getattr(import_module(f"{__name__}.{_ON_FIRST_USE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet: for completion."""
    return sorted({*globals(), *__all__})
