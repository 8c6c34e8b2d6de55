"""What `modelrepair.repair` and `modelrepair.measure` give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.artifact.manifest import Manifest
from modelrepair.evaluation.gate import GateResult
from modelrepair.evaluation.measures import Measures
from modelrepair.pipeline.next_steps import Idea
from modelrepair.plugin.names import MeasuredSet
from modelrepair.text.display import Glance, Glanced, figures

if TYPE_CHECKING:
    from modelrepair.evaluation.endpoint import Served
    from modelrepair.publishing.push import PushReport

RepairVerdict = Literal[
    "passed", "failed", "undecided", "unmeasured", "nothing to repair", "backwards"
]
EXIT_CODES: Mapping[RepairVerdict, int] = {
    "passed": 0,
    "unmeasured": 0,
    "nothing to repair": 0,
    "failed": 1,
    "undecided": 1,
    "backwards": 1,
}


def verdict_of(manifest: Manifest) -> RepairVerdict:
    """The verdict on a repair that was written: what does harm has failed, and is called so.

    >>> verdict_of(manifest)  # doctest: +SKIP
    'passed'
    """
    return "backwards" if manifest.backwards else manifest.verdict


@dataclass(frozen=True, repr=False)
class RepairReport(Glanced):
    """How a repair ended.

    Args:
        verdict: the gate's; "nothing to repair" and, of `repair`, "backwards" write nothing.
        out: the repaired model's folder, or None where nothing was written.
        manifest: the record that lies in it.
        gate: the gate's rules, where something was measured after the repair.
        measures: by ``before``, ``reference`` and ``after``, on the report split.
        answers: the answers on the report split, by the same names and by set; no output keeps
            them.
        warnings: one line each.
        reason: why nothing is to be repaired, with its figures; of every other verdict, the gate
            says why.
        next: what to try where the repair is not passed, best first.
        pushed: what the push did, where there was one.
        finished_before: whether the output lay there finished, and was not made again. The report
            is then made from its record, without answers.
    """

    verdict: RepairVerdict
    out: Path | None
    manifest: Manifest | None
    gate: GateResult | None
    measures: Mapping[str, Measures]
    answers: Mapping[str, Mapping[MeasuredSet, list[str]]] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
    next: tuple[Idea, ...] = ()
    pushed: PushReport | None = None
    reason: str = ""
    finished_before: bool = False

    @property
    def nothing_to_do(self) -> bool:
        """Whether the same command had done all of it before."""
        return self.finished_before and (self.pushed is None or self.pushed.nothing)

    @property
    def exit_code(self) -> int:
        """The exit code of the command line."""
        return EXIT_CODES[self.verdict]

    def glance(self) -> Glance:
        """Verdict, place and figures."""
        facts = {
            "reason": self.reason,
            "out": self.out,
            "pushed": None if self.pushed is None else self.pushed.url,
            "gate": "; ".join(() if self.gate is None else self.gate.reasons),
            "next": str(self.next[0]) if self.next else "",
            "warnings": len(self.warnings) or None,
        }
        return Glance(
            f"Repair: {self.verdict}",
            facts,
            ("measure", *self.measures),
            figures(self.measures),
        )

    def to_json(self) -> dict[str, Any]:
        """As ``modelrepair fix --json`` prints it; answers are left out."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "out": None if self.out is None else str(self.out),
            "gate": None if self.gate is None else self.gate.to_json(),
            "measures": {name: some.to_json() for name, some in self.measures.items()},
            "manifest": None if self.manifest is None else self.manifest.model_dump(mode="json"),
            "warnings": list(self.warnings),
            "next": [idea.to_json() for idea in self.next],
            "pushed": None if self.pushed is None else self.pushed.to_json(),
            "nothing_to_do": self.nothing_to_do,
        }


@dataclass(frozen=True, repr=False)
class MeasureReport(Glanced):
    """The measures of one model.

    Args:
        model: its Hub id, or its folder's name.
        measures: the measures, with the judge's name.
        answers: by set; no file keeps them.
        warnings: one line each.
        template: the chat template in place of the model's own, by name; None for its own.
        endpoint: how the endpoint that answered for it did; None for a model here.
    """

    model: str
    measures: Measures
    answers: Mapping[MeasuredSet, list[str]] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
    template: str | None = None
    endpoint: Served | None = None

    def glance(self) -> Glance:
        """The model and its figures."""
        facts = {
            "judge": self.measures.judge,
            "template": self.template,
            "endpoint": None if self.endpoint is None else self.endpoint.url,
            "warnings": len(self.warnings) or None,
        }
        rows = figures({self.model: self.measures})
        return Glance(f"Measures of {self.model}", facts, ("measure", "value"), rows)

    def to_json(self) -> dict[str, Any]:
        """As ``modelrepair measure --json`` prints it."""
        return {
            "model": self.model,
            "template": self.template,
            "endpoint": None if self.endpoint is None else self.endpoint.to_json(),
            "inconclusive": [] if self.endpoint is None else ["utility", "utility_loss"],
            "measures": self.measures.to_json(),
            "warnings": list(self.warnings),
        }
