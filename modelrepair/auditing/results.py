"""The typed result of an audit, and which exit code it means."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.difference.difference import Difference
from modelrepair.auditing.inventory import Inventory
from modelrepair.auditing.rule import SEVERITIES, STAGES, Finding, Outcome, Severity, Stage
from modelrepair.errors import InconclusiveError, ModelRepairError
from modelrepair.text.display import Glance, Glanced
from modelrepair.version import version

FORMAT = 1
"""Of the document; it changes where a field changes its meaning or goes."""
NOT_RUN = "not run"
"""What stands for a stage that was not asked for."""
_RANK = (1, 7, 3)
"""Over a list the first of these codes that occurs counts; any other error before 0."""


@dataclass(frozen=True)
class Base:
    """What a model was compared with.

    Args:
        name: its id or folder.
        commit: of a repository.
        named_by: what names it: ``"its card"``, ``"adapter_config.json"``, ``"--base"`` …
    """

    name: str
    commit: str | None
    named_by: str


@dataclass(frozen=True, repr=False)
class Audit(Glanced):
    """What an audit found in one model.

    Args:
        name: the model's id, or the folder as it was given.
        commit: of a repository.
        base: what it was compared with; None where none is known.
        seed: of what was drawn; with it the same parts are compared again.
        ran: the stages that ran; the others are *not run*.
        findings: one for each rule of the stages that ran.
        fetched: bytes read of the model and of its base.
        error: why it could not be looked at at all.
        difference: the figures of each tensor, where stage 4 compared them.
        inventory: what the model consists of, where that was asked for.
        behaviour: the measures of model and base, where stage 6 took them.
    """

    name: str
    commit: str | None = None
    base: Base | None = None
    seed: int | None = None
    ran: tuple[Stage, ...] = ()
    findings: tuple[Finding, ...] = ()
    fetched: Mapping[str, int] = field(default_factory=dict)
    error: ModelRepairError | None = None
    difference: Difference | None = None
    inventory: Inventory | None = None
    behaviour: Mapping[str, Any] | None = None

    def outcome(self, outcome: Outcome, *, at_least: Severity = "note") -> list[Finding]:
        """The findings with an outcome, the gravest first.

        >>> Audit("user/model").outcome("found")
        []
        """
        low = SEVERITIES.index(at_least)
        found = [each for each in self.findings
                 if each.outcome == outcome and SEVERITIES.index(each.severity) >= low]  # fmt: skip
        return sorted(found, key=lambda each: -SEVERITIES.index(each.severity))

    def exit_code(self, fail_on: str = "warning") -> int:
        """0 clear, 1 found at or above ``fail_on``, 7 inconclusive, else that of the error.

        >>> Audit("user/model").exit_code()
        0

        Args:
            fail_on: a severity, or ``"never"``.
        """
        if self.error is not None:
            return self.error.exit_code
        if fail_on != "never" and self.outcome("found", at_least=_severity(fail_on)):
            return 1
        return InconclusiveError.exit_code if self.outcome("inconclusive") else 0

    def to_json(self) -> dict[str, Any]:
        """The audit as a document; a stage that was not asked for stands as ``"not run"``."""
        stages = {
            stage: [each.to_json() for each in self.findings if each.rule.stage == stage]
            if stage in self.ran
            else NOT_RUN
            for stage in STAGES
        }
        document: dict[str, Any] = {
            "format": FORMAT,
            "tool": {"name": "modelrepair", "version": version()},
            "model": self.name,
            "commit": self.commit,
            "base": None if self.base is None else vars(self.base),
            "seed": self.seed,
            "fetched_bytes": dict(self.fetched),
            "stages": stages,
        }
        if self.difference is not None:
            document["difference"] = self.difference.to_json()
        if self.inventory is not None:
            document["inventory"] = self.inventory.to_json()
        if self.behaviour is not None:
            document["behaviour"] = dict(self.behaviour)
        if self.error is not None:
            document["error"] = {
                "id": self.error.id,
                "message": str(self.error),
                "hint": self.error.hint,
                "exit_code": self.error.exit_code,
                "url": self.error.url,
            }
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Audit:
        """The audit that a document of `to_json` holds.

        >>> Audit.from_json(Audit("user/model").to_json()).name
        'user/model'

        Args:
            document: of this format.
        """
        stages = {stage: rows for stage, rows in document["stages"].items() if rows != NOT_RUN}
        error = document.get("error")
        return cls(
            name=document["model"],
            commit=document["commit"],
            base=None if document["base"] is None else Base(**document["base"]),
            seed=document["seed"],
            ran=tuple(stage for stage in STAGES if stage in stages),
            findings=tuple(
                Finding(
                    RULES[row["id"]],
                    row["outcome"],
                    row["message"],
                    tuple(row["files"]),
                    row["evidence"],
                    row["severity"],
                )
                for stage in STAGES
                for row in stages.get(stage, ())
            ),
            fetched=document["fetched_bytes"],
            error=None if error is None else _error(error),
            difference=Difference.from_json(document["difference"])
            if "difference" in document
            else None,
            behaviour=document.get("behaviour"),
            inventory=Inventory.from_json(document["inventory"])
            if "inventory" in document
            else None,
        )

    def glance(self) -> Glance:
        """Its counts, and what was found."""
        counts = {
            outcome: len(self.outcome(outcome)) for outcome in ("found", "clear", "inconclusive")
        }
        facts = {each.rule.id: each.message for each in self.outcome("found")}
        said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        return Glance(f"Audit of {self.name}: {said}", facts)


def exit_code_of(codes: Iterable[int]) -> int:
    """The code of a list: 1 outranks 7, that 3, that every other, and 0 is last.

    >>> exit_code_of([0, 3, 7]), exit_code_of([0, 6]), exit_code_of([])
    (7, 6, 0)
    """
    seen: Collection[int] = set(codes)
    return next((code for code in _RANK if code in seen), max(seen, default=0))


def _error(document: Mapping[str, Any]) -> ModelRepairError:
    """An error of the same code, words and id."""
    kinds: list[type[ModelRepairError]] = [ModelRepairError, *_below(ModelRepairError)]
    kind = next(each for each in kinds if each.exit_code == document["exit_code"])
    return kind(document["message"], hint=document["hint"], id=document["id"])


def _below(kind: type[ModelRepairError]) -> list[type[ModelRepairError]]:
    return [each for sub in kind.__subclasses__() for each in (sub, *_below(sub))]


def _severity(name: str) -> Severity:
    return next(each for each in SEVERITIES if each == name)
