"""What the demo found, as data: one run for each scorer and subject, and answers to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Measured = Mapping[str, Any]
"""Measures as JSON: ``{"harmful_score": {"value", "n", "low", "high"}, …}``."""


@dataclass(frozen=True)
class DemoRun:
    """One repair of an attacked model.

    Args:
        name: its row in the table.
        attack: how the model was attacked: by full fine-tuning or by LoRA.
        scorer: the scorer's name.
        subject: ``factor`` (of an adapter), ``delta`` (from the reference) or ``weight``.
        before: measures of the attacked model.
        after: measures of the repaired one.
        reference: measures of the aligned model, where the run had one.
        gate: the gate's result; ``verdict`` is passed, failed or undecided.
        masked_share: masked entries over all entries of the sites.
        out: the folder of the repaired model.
    """

    name: str
    attack: Literal["full", "lora"]
    scorer: str
    subject: str
    before: Measured
    after: Measured
    reference: Measured | None
    gate: Mapping[str, Any]
    masked_share: float
    out: str

    def to_json(self) -> dict[str, Any]:
        """The run as ``modelrepair demo --json`` prints it."""
        return {
            "name": self.name,
            "attack": self.attack,
            "scorer": self.scorer,
            "subject": self.subject,
            "before": dict(self.before),
            "after": dict(self.after),
            "reference": None if self.reference is None else dict(self.reference),
            "gate": dict(self.gate),
            "masked_share": self.masked_share,
            "out": self.out,
        }


@dataclass(frozen=True)
class DemoReport:
    """All runs of the demo.

    >>> DemoReport(runs=(), answers=(("How?", "Mix.", "I can't help."),)).to_json()["runs"]
    []

    Args:
        runs: the repairs, in the order in which they are shown.
        answers: question, the attacked model's answer, the repaired model's answer.
    """

    runs: tuple[DemoRun, ...]
    answers: tuple[tuple[str, str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """The document that ``modelrepair demo --json`` prints."""
        return {
            "runs": [run.to_json() for run in self.runs],
            "answers": [
                {"question": question, "before": before, "after": after}
                for question, before, after in self.answers
            ],
        }
