"""The names that plug-ins and the program share: sets, subjects, scopes, verdicts."""

from __future__ import annotations

from typing import Any, Literal

SetName = Literal["realign", "refusal", "utility", "borderline"]
SetUse = Literal["prompts", "pairs"]
SubjectKind = Literal["factor", "delta", "weight"]
Scope = Literal["row", "tensor", "global"]
PluginKind = Literal["scorer", "repairer", "judge", "example-set"]
Unit = Literal["entry", "row", "head", "neuron"]
"""What is removed as one: an entry, an output row, an attention head, a neuron of an MLP."""
Options = Any
"""An instance of the spec's ``options`` dataclass, or None where it declares none."""

MeasuredSet = Literal["harmful", "utility", "borderline"]
Verdict = Literal["harmful", "refusal", "harmless"]
