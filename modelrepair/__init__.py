"""Repair fine-tuned language models whose safety alignment was broken, with proof.

>>> import modelrepair
>>> modelrepair.repair("user/model", realign="harmful.jsonl")                # doctest: +SKIP

Nothing here imports torch or transformers until something is computed.
"""

from __future__ import annotations

from modelrepair.api import apply, measure, plan, push, repair, verify
from modelrepair.artifact.reading import load_manifest
from modelrepair.budgets import Budgets
from modelrepair.errors import (
    DamagedCheckpointError,
    EmptyMaskError,
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
from modelrepair.version import version

__version__ = version()

__all__ = [
    "Budgets",
    "DamagedCheckpointError",
    "EmptyMaskError",
    "ExampleSetError",
    "GateError",
    "HubError",
    "InconclusiveError",
    "ModelRepairError",
    "PluginError",
    "RepairInterrupted",
    "ResourceError",
    "UnsupportedModelError",
    "UsageError",
    "apply",
    "load_manifest",
    "measure",
    "plan",
    "push",
    "repair",
    "verify",
]
