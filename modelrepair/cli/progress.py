"""How long steps look: bars with the time left on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from modelrepair.cli.wrapping import wrapped
from modelrepair.progress import Advance
from modelrepair.text.printable import printable
from modelrepair.text.redaction import redact
from modelrepair.text.units import in_time

SECONDS_BETWEEN_LINES = 30.0
WORTH_A_LINE = 2.0


class Bars:
    """Rich bars on a terminal, one for each open step; a finished step leaves one line.

    >>> import io
    >>> bars = Bars(Console(file=io.StringIO(), force_terminal=True))
    >>> with bars.step("pass", total=2) as advance:
    ...     advance(2)
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._open = 0
        self._progress: Progress | None = None

    @contextmanager
    def step(self, description: str, total: float) -> Iterator[Advance]:
        """Show one step of ``total`` units until the block ends."""
        progress = self._started()
        task = progress.add_task(printable(redact(description)), total=total)
        self._open += 1
        started = time.monotonic()

        def advance(amount: float = 1) -> None:
            progress.advance(task, amount)

        try:
            yield advance
            took = time.monotonic() - started
            if took >= WORTH_A_LINE:
                self.note(f"{description} · {in_time(took)}")
        finally:
            progress.remove_task(task)
            self._open -= 1
            if self._open == 0:
                progress.stop()
                self._progress = None

    def note(self, message: str) -> None:
        """One line above the bars."""
        line = wrapped(printable(redact(message)), self._console.width)
        self._console.print(Text(line), soft_wrap=True)

    def _started(self) -> Progress:
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
        return self._progress


class Lines:
    """Plain lines: one when a step starts, and one every half minute while it lasts.

    >>> import sys
    >>> with Lines(sys.stdout).step("pass", total=2) as advance:
    ...     advance(2)
    pass …
    """

    def __init__(
        self,
        stream: TextIO,
        width: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._width = width
        self._clock = clock

    @contextmanager
    def step(self, description: str, total: float) -> Iterator[Advance]:
        """Say that a step starts, and from time to time how far it is."""
        self.note(f"{description} …")
        started = spoken = self._clock()
        done = 0.0

        def advance(amount: float = 1) -> None:
            nonlocal done, spoken
            done += amount
            now = self._clock()
            if now - spoken >= SECONDS_BETWEEN_LINES and 0 < done < total:
                spoken = now
                left = (now - started) * (total - done) / done
                self.note(f"{description}: {done / total:.0%}, {in_time(left)} left")

        yield advance

    def note(self, message: str) -> None:
        """One line."""
        line = wrapped(printable(redact(message)), self._width)
        print(line, file=self._stream, flush=True)
