"""The record of a run of the kit: which checks ran, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, computed_field

from modelrepair.errors import UsageError

Outcome = Literal["passed", "failed", "skipped", "expected-failure", "unexpected-pass"]
BAD: tuple[Outcome, ...] = ("failed", "unexpected-pass")
"""Outcomes that make a run fail."""


class Result(BaseModel):
    """What became of one check.

    >>> Result(id="dtype", outcome="passed", seconds=0.1).reason
    ''

    Args:
        id: the check's.
        outcome: passed, failed, skipped, expected-failure or unexpected-pass.
        reason: why it is not passed: the message of a failure, the reason of a skip.
        seconds: how long it ran.
        expected: why it was expected to fail; empty where it was not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    outcome: Outcome
    reason: str = ""
    seconds: float = Field(0.0, ge=0)
    expected: str = ""

    def expecting(self, why: str) -> Result:
        """The same result where a failure was expected.

        >>> Result(id="dtype", outcome="failed").expecting("a known fault").outcome
        'expected-failure'

        Args:
            why: the reason why it was; where it is empty, none was.
        """
        changes: dict[str, str] = {}
        if why and self.outcome == "failed":
            changes = {"outcome": "expected-failure", "expected": why}
        elif why and self.outcome == "passed":
            reason = f"it was expected to fail: {why}"
            changes = {"outcome": "unexpected-pass", "reason": reason, "expected": why}
        return self.model_copy(update=changes)


class Counts(BaseModel):
    """How many checks ended in which way.

    >>> Counts.of([Result(id="dtype", outcome="passed")]).passed
    1
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    expected_failure: int = 0
    unexpected_pass: int = 0

    @classmethod
    def of(cls, results: Iterable[Result]) -> Counts:
        """Count results by their outcome."""
        found = Counter(result.outcome.replace("-", "_") for result in results)
        return cls(**found)


class Record(BaseModel):
    """One run of the kit on one plug-in.

    >>> record = Record(kit=1, modelrepair="1.0", kind="scorer", name="mine",
    ...                 distribution="my-package", version="2.0",
    ...                 checks=(Result(id="dtype", outcome="skipped", reason="no reason"),))
    >>> record.ok, record.counts.skipped, Record.from_json(record.to_json()) == record
    (True, 1, True)

    Args:
        kit: the kit's version.
        modelrepair: the version of modelrepair.
        kind: scorer, repairer, judge or example-set.
        name: the plug-in's name.
        distribution: the package that offers it.
        version: of that package.
        options: what it was tested with beside its defaults; no secrets.
        checks: what became of each check, in the kit's order.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kit: int
    modelrepair: str
    kind: str
    name: str
    distribution: str
    version: str
    options: dict[str, str] = Field(default_factory=dict)
    checks: tuple[Result, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> Counts:
        """How many checks ended in which way."""
        return Counts.of(self.checks)

    @property
    def ok(self) -> bool:
        """Whether no check failed, and none passed that was expected to fail."""
        return not any(result.outcome in BAD for result in self.checks)

    @property
    def summary(self) -> str:
        """The counts in one line.

        >>> Record(kit=1, modelrepair="1", kind="judge", name="mine", distribution="d",
        ...        version="1", checks=(Result(id="a", outcome="passed"),)).summary
        'judge mine of d 1, kit 1: 1 check, 1 passed'
        """
        counts = self.counts.model_dump()
        shown = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        number = f"{len(self.checks)} check{'' if len(self.checks) == 1 else 's'}"
        who = f"{self.kind} {self.name} of {self.distribution} {self.version}, kit {self.kit}"
        return f"{who}: {', '.join([number, *shown])}"

    def expecting(self, earlier: Record) -> Record:
        """The same run, where what was expected to fail in an earlier one is expected again.

        >>> failed = Result(id="dtype", outcome="failed")
        >>> about = dict(kit=1, modelrepair="1", kind="judge", name="mine", distribution="d",
        ...              version="1")
        >>> now, earlier = (Record(**about, checks=(each,))
        ...                 for each in (failed, failed.expecting("a known fault")))
        >>> now.ok, now.expecting(earlier).ok
        (False, True)

        Args:
            earlier: the record of an earlier run.
        """
        why = {result.id: result.expected for result in earlier.checks}
        checks = tuple(result.expecting(why.get(result.id, "")) for result in self.checks)
        return self.model_copy(update={"checks": checks})

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, document: Any) -> Record:
        """The record that `to_json` gave.

        Raises:
            ValueError: it is no record.
        """
        return cls.model_validate(document)


def disappeared(earlier: Record, now: Record) -> tuple[str, ...]:
    """The checks that ran before, and now are missing or skipped.

    >>> passed, skipped = (Result(id="dtype", outcome=each) for each in ("passed", "skipped"))
    >>> about = dict(kit=1, modelrepair="1", kind="judge", name="mine", distribution="d",
    ...              version="1")
    >>> disappeared(Record(**about, checks=(passed,)), Record(**about, checks=(skipped,)))
    ('dtype',)

    Args:
        earlier: the record of an earlier run.
        now: the record of this run.
    """
    run = {result.id for result in now.checks if result.outcome != "skipped"}
    before = [result.id for result in earlier.checks if result.outcome != "skipped"]
    return tuple(id for id in before if id not in run)


def read_records(path: Path) -> tuple[Record, ...]:
    """The records in a JSON file: one, or a list of them.

    >>> read_records(Path("record.json"))                                     # doctest: +SKIP
    (Record(kit=1, ...),)

    Args:
        path: a file that ``plugins check --json`` or ``pytest --modelrepair-record`` wrote.

    Raises:
        UsageError: it can't be read, or holds no records.
    """
    try:
        text = path.read_bytes()
        if text.lstrip().startswith(b"["):
            return TypeAdapter(tuple[Record, ...]).validate_json(text)
        return (Record.model_validate_json(text),)
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no records"
        raise UsageError(
            f"{path} can't be read as a record of the conformance kit: {reason}",
            hint="give a file that `plugins check --json` or `pytest --modelrepair-record` wrote",
        ) from error
