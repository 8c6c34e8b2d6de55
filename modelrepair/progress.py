"""Progress as the engine reports it: a step has a description and a length, and advances."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

CALLED = {"before": "source", "reference": "reference", "after": "repaired"}
"""How people know the models of a run, by their roles."""


class Advance(Protocol):
    """Called with how many units of the step are done since the last call."""

    def __call__(self, amount: float = 1) -> None:
        """Say that so many units more are done."""
        ...


class Progress(Protocol):
    """Where long steps are shown; the command line draws bars, the API shows nothing."""

    def step(self, description: str, total: float) -> AbstractContextManager[Advance]:
        """Open one step of ``total`` units."""
        ...

    def note(self, message: str) -> None:
        """One line that is worth reading during the work."""
        ...


class Silent:
    """Shows nothing.

    >>> with Silent().step("pass", total=4) as advance:
    ...     advance(4)
    """

    @contextmanager
    def step(self, description: str, total: float) -> Iterator[Advance]:
        """Open one step that is not shown."""
        yield lambda amount=1: None

    def note(self, message: str) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Titled:
    """Steps of one model or candidate: each is called with its name.

    >>> from modelrepair.cli.progress import Lines
    >>> import sys
    >>> with Titled(Lines(sys.stdout), "source").step("answers", total=4) as advance:
    ...     advance(4)
    source: answers …

    Args:
        inner: where the steps are shown.
        name: of what they are taken.
    """

    inner: Progress
    name: str

    def step(self, description: str, total: float) -> AbstractContextManager[Advance]:
        """Open a step under the name."""
        return self.inner.step(f"{self.name}: {description}", total)

    def note(self, message: str) -> None:
        """Pass a line on."""
        self.inner.note(message)


@dataclass
class Notes:
    """One line for each thing that is worth telling; they go into manifest and report.

    ``cut`` counts, by set, the answers that were cut and the prompts that had no room.
    """

    warnings: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)

    def warn(self, message: str) -> None:
        """Keep one line."""
        if message not in self.warnings:
            self.warnings.append(message)
