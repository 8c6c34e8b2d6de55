"""What a verification found: each finding with its code, file and tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Code = Literal[
    "manifest",
    "card",
    "mask",
    "values",
    "verdicts",
    "wrong-source",
    "wrong-reference",
    "wrong-base",
    "no-reference",
    "missing",
    "added",
    "changed",
    "outside-mask",
    "masked-value",
    "outside-edit",
    "edited-value",
    "count",
    "measure",
    "gate",
]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the manifest says, or can't be checked.

    >>> Finding("added", "extra.json", None, "is in neither source nor manifest").line
    'added: extra.json: is in neither source nor manifest'
    """

    code: Code
    file: str
    tensor: str | None
    message: str

    @property
    def line(self) -> str:
        """The finding as one line of text."""
        where = f"{self.file}: {self.tensor}" if self.tensor else self.file
        return f"{self.code}: {where}: {self.message}"


@dataclass(frozen=True)
class Verification:
    """The findings of one verification; none means that the manifest holds.

    Args:
        findings: everything that is not as it should be.
        checked: how many files, tensors, entries, masked entries and examples were looked at.
        notes: what this verification could not prove, though nothing speaks against it.
    """

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return {
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
            "checked": dict(self.checked),
            "notes": list(self.notes),
        }
