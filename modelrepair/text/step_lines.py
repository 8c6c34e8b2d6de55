"""Progress where no terminal is: one line a step, and a sign of life while a step is long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from modelrepair.progress import Event
from modelrepair.text.printable import printable
from modelrepair.text.redaction import redact
from modelrepair.text.step_words import ended, heading, lines
from modelrepair.text.units import in_time
from modelrepair.text.wrapping import wrapped

SECONDS_BETWEEN_LINES = 60.0


class Lines:
    """Plain lines, as a watcher of a progress: a step that is part of another has none.

    >>> import sys
    >>> from modelrepair import Progress
    >>> progress = Progress(Lines(sys.stdout))
    >>> with progress.step("writing", total=2) as advance:
    ...     advance(2)
    writing: 0 s

    Args:
        stream: where they go.
        width: columns; None for lines that have no end.
        clock: seconds.
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
        self._open: dict[int | None, tuple[Event, float]] = {}
        self._spoken = clock()

    def __call__(self, event: Event) -> None:
        """Show an event, where it has a line."""
        if event.event == "begin":
            self._open[event.step] = (event, self._clock())
            if event.within not in self._open:
                self._spoken = self._clock()
        elif event.event == "advance":
            self._advance(event)
        elif event.event == "end":
            self._open.pop(event.step, None)
            if event.within not in self._open:
                self._say(ended(event))
        elif event.text:
            for line in lines(event):
                self._say(line)

    def _advance(self, event: Event) -> None:
        began, since = self._open[event.step]
        now, done, total = self._clock(), event.done or 0, event.total or 0
        if now - self._spoken < SECONDS_BETWEEN_LINES or not 0 < done < total:
            return
        self._spoken = now
        left = (now - since) * (total - done) / done
        outer, _ = self._open.get(began.within, (None, 0.0))
        what = f"{heading(outer)}: {began.name}" if outer else heading(began)
        self._say(f"{what} {done / total:.0%}, {in_time(left)} left of it")

    def _say(self, text: str) -> None:
        line = wrapped(printable(redact(text)), self._width)
        print(line, file=self._stream, flush=True)
