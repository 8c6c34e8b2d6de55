"""Everything that an author of a plug-in needs, from one import, and light: no torch.

>>> from modelrepair.plugin import ScorerSpec, hookimpl

A plug-in is a module of hooks, named by an entry point of the group ``modelrepair``. Each hook
returns records (`ScorerSpec`, `RepairerSpec`, `JudgeSpec`, `ExampleSetSpec`) and imports nothing
heavy; what a record loads is imported when a user chooses it. Accumulators and formulas need torch:
they are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelrepair.plugin.hookspecs import InterfaceDeprecation, hookimpl
from modelrepair.plugin.judge import Exchange, Judge
from modelrepair.plugin.names import (
    MeasuredSet,
    Options,
    Scope,
    SetName,
    SetUse,
    SubjectKind,
    Unit,
    Verdict,
)
from modelrepair.plugin.repairer import (
    Batch,
    EditView,
    SiteRepairer,
    TokenizedExample,
    TrainingContext,
    TrainingReference,
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
    from modelrepair.plugin.formulas import (
        gradient_score,
        mean_norm,
        root_mean_square,
        wanda_score,
    )

__all__ = [
    "Accumulator",
    "Batch",
    "EditView",
    "ExampleGradients",
    "ExampleSetSpec",
    "Exchange",
    "Gradients",
    "InputNorms",
    "InterfaceDeprecation",
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
    "TrainingReference",
    "TrainingRepairer",
    "Unit",
    "Verdict",
    "gradient_score",
    "hookimpl",
    "mean_norm",
    "root_mean_square",
    "wanda_score",
]

_NEEDS_TORCH = {
    "ExampleGradients": "accumulators",
    "Gradients": "accumulators",
    "InputNorms": "accumulators",
    "gradient_score": "formulas",
    "mean_norm": "formulas",
    "root_mean_square": "formulas",
    "wanda_score": "formulas",
}
"""Names that need torch, and the module that each is in."""


def __getattr__(name: str) -> Any:
    """Import what needs torch on first use."""
    if name in _NEEDS_TORCH:
        return getattr(import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
