"""Commands run in this process, with the work behind them replaced."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

import modelrepair
from modelrepair.artifact.findings import Finding, Verification
from tests.support.installed import install, scorer_code_fixture, site

__all__ = ["install", "scorer_code_fixture", "site"]

MEASURES = {
    "judge": "keyword",
    "harmful_score": {"value": 0.9, "n": 100, "low": 0.82, "high": 0.94},
    "refusal_rate": {"value": 0.1, "n": 100, "low": 0.06, "high": 0.18},
    "benign_refusal_rate": None,
    "degenerate_rate": {"value": 0.0, "n": 100, "low": None, "high": None},
    "utility": {"value": 0.75, "n": 50, "low": 0.7, "high": 0.8},
    "task_accuracy": None,
}
MANIFEST = {
    "subject": "delta",
    "scope": "row",
    "coverage": 0.998,
    "masked_share": 0.01,
    "reference": {"id": "org/aligned"},
    "scorer": {"name": "wanda", "distribution": "modelrepair", "version": "1"},
}
REPORT = {
    "verdict": "undecided",
    "out": "out folder",
    "gate": {"verdict": "undecided", "reasons": ["harmful_score: too few"], "needed": 300},
    "measures": {"before": MEASURES, "after": MEASURES},
    "manifest": MANIFEST,
    "warnings": ["only 40 examples"],
    "next": [{"why": "name the aligned one", "add": ["--reference", "ORG/MODEL"], "drop": []}],
}


@dataclass
class Calls:
    """What the commands asked of the Python API."""

    made: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)

    def stand_in(self, name):
        def call(*arguments, **options):
            self.made.append((name, arguments, options))
            answer = self.answers[name]
            if isinstance(answer, BaseException):
                raise answer
            return answer(*arguments, **options) if callable(answer) else answer

        return call


@pytest.fixture
def api(monkeypatch):
    calls = Calls()
    calls.answers = {
        "repair": SimpleNamespace(
            verdict="undecided",
            out="out folder",
            exit_code=1,
            to_json=lambda: REPORT,
        ),
        "measure": SimpleNamespace(
            to_json=lambda: {"model": "here", "measures": MEASURES, "warnings": ["few"]}
        ),
        "plan": SimpleNamespace(
            opening=None,
            error=None,
            exit_code=0,
            to_json=lambda: {
                "parameters": 1000,
                "coverage": 0.99,
                "peak_bytes": 2**30,
                "left_behind": {"notes.txt": "custom"},
            },
        ),
        "verify": Verification(
            (Finding("outside-mask", "a.safetensors", "w", "1 entry differs"),),
            {"files": 9, "entries": 1000},
            ("the reference is private",),
        ),
        "apply": Path("there"),
        "attest": None,
    }
    for name in calls.answers:
        monkeypatch.setattr(modelrepair, name, calls.stand_in(name), raising=False)
    return calls
