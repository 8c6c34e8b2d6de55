"""A rule of an audit: what it looks for, how grave it is, and what came of it in one model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Stage = Literal["metadata", "structure", "lineage", "difference", "proof", "behaviour"]
STAGES: tuple[Stage, ...] = (
    "metadata",
    "structure",
    "lineage",
    "difference",
    "proof",
    "behaviour",
)
"""The stages of an audit, cheapest first."""

Severity = Literal["note", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")
"""From the least grave; the levels of SARIF."""

Outcome = Literal["found", "clear", "inconclusive"]
"""Clear only where it was looked at; what was not reached is inconclusive."""


@dataclass(frozen=True)
class Rule:
    """What an audit looks for.

    >>> Rule("MR-FIL-001", "metadata", "error", "pickle", "a file is a pickle", "use safetensors")
    Rule(id='MR-FIL-001', stage='metadata', severity='error', name='pickle', means='a file is a ...

    Args:
        id: lasting; the letters in the middle name what it looks at.
        stage: where it is asked.
        severity: of what it finds.
        name: in kebab case.
        means: what is so where it is found, in one line.
        do: what a maintainer can do about it, in one line.
    """

    id: str
    stage: Stage
    severity: Severity
    name: str
    means: str
    do: str

    def found(
        self,
        message: str,
        /,
        *,
        files: Iterable[str] = (),
        severity: Severity | None = None,
        **evidence: Any,
    ) -> Finding:
        """What it looks for is there.

        Args:
            message: what, in one line.
            files: where.
            severity: of this case, where it is less grave than the rule's.
            evidence: figures and names, as JSON has them.
        """
        return Finding(self, "found", message, tuple(files), evidence, severity or self.severity)

    def clear(self, message: str, /, **evidence: Any) -> Finding:
        """It was looked at, and what the rule looks for is not there."""
        return Finding(self, "clear", message, (), evidence, self.severity)

    def not_applicable(self, why: str, /, **evidence: Any) -> Finding:
        """The rule asks of something that this kind of model can't have, such as a folder's status.

        Clear, and marked in its evidence: nothing was left unread.
        """
        return self.clear(f"does not apply: {why}", applicable=False, **evidence)

    def inconclusive(self, why: str, /, **evidence: Any) -> Finding:
        """It could not be looked at, or what was seen does not decide."""
        return Finding(self, "inconclusive", why, (), evidence, self.severity)


@dataclass(frozen=True)
class Finding:
    """What came of a rule in one model.

    Args:
        rule: the rule.
        outcome: found, clear or inconclusive.
        message: in one line.
        files: of the model, that it is about.
        evidence: figures and names, as JSON has them.
        severity: of this case.
    """

    rule: Rule
    outcome: Outcome
    message: str
    files: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "note"

    def to_json(self) -> dict[str, Any]:
        """The finding as a document."""
        return {
            "id": self.rule.id,
            "name": self.rule.name,
            "stage": self.rule.stage,
            "outcome": self.outcome,
            "severity": self.severity,
            "message": self.message,
            "files": list(self.files),
            "evidence": dict(self.evidence),
        }


_Context = TypeVar("_Context")
Check = tuple[Rule, Callable[[_Context], Finding]]
"""A rule, and the function that asks it of one model."""


def listed(names: Iterable[str], most: int = 3) -> str:
    """A few names and how many more there are.

    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    all_of_them = sorted(names)
    shown = ", ".join(all_of_them[:most])
    more = len(all_of_them) - most
    return f"{shown} and {more:,} more" if more > 0 else shown
