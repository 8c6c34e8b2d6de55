"""Everything that an author of a plug-in needs, from one import, and light: no torch.

>>> from modelrepair.plugin import ScorerSpec, hookimpl

A plug-in is a module of hooks, named by an entry point of the group ``modelrepair``. Each hook
returns records (`ScorerSpec`, `RepairerSpec`, `JudgeSpec`, `ExampleSetSpec`) and imports nothing
heavy; what a record loads is imported when a user chooses it. The accumulators, which need torch,
are imported when they are first touched.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelrepair.plugin.hookspecs import hookimpl
from modelrepair.plugin.judge import Exchange, Judge
from modelrepair.plugin.names import (
    MeasuredSet,
    Options,
    Scope,
    SetName,
    SetUse,
    SubjectKind,
    Verdict,
)
from modelrepair.plugin.repairer import (
    Batch,
    EditView,
    SiteRepairer,
    TokenizedExample,
    TrainingContext,
    TrainingRepairer,
)
from modelrepair.plugin.scorer import (
    Accumulator,
    Loss,
    Scorer,
    SiteBatch,
    SiteInfo,
    SiteView,
    State,
    Statistics,
)
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, RepairerSpec, ScorerSpec

if TYPE_CHECKING:
    from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms

__all__ = [
    "Accumulator",
    "Batch",
    "EditView",
    "ExampleGradients",
    "ExampleSetSpec",
    "Exchange",
    "Gradients",
    "InputNorms",
    "Judge",
    "JudgeSpec",
    "Loss",
    "MeasuredSet",
    "Options",
    "RepairerSpec",
    "Scope",
    "Scorer",
    "ScorerSpec",
    "SetName",
    "SetUse",
    "SiteBatch",
    "SiteInfo",
    "SiteRepairer",
    "SiteView",
    "State",
    "Statistics",
    "SubjectKind",
    "TokenizedExample",
    "TrainingContext",
    "TrainingRepairer",
    "Verdict",
    "hookimpl",
]

_WITH_TORCH = ("ExampleGradients", "Gradients", "InputNorms")


def __getattr__(name: str) -> Any:
    """The accumulators, imported when they are touched."""
    if name in _WITH_TORCH:
        return getattr(import_module("modelrepair.plugin.accumulators"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
