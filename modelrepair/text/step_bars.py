"""Progress on a terminal or in a notebook: what is done now, and a line that stays of each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from modelrepair.progress import Event
from modelrepair.text.printable import printable
from modelrepair.text.redaction import redact
from modelrepair.text.step_words import counted, ended, heading, lines
from modelrepair.text.wrapping import wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR = 20
"""Columns of a bar: the rest of 80 is for words and figures."""


class Bars:
    """Rich bars, as a watcher of a progress.

    Steps that are made of others are headings; the innermost has the bar. All of it goes when the
    last step ends, and nothing stays but the lines of finished steps, and notes.

    >>> import io
    >>> from modelrepair import Progress as Said
    >>> said = Said(Bars(Console(file=io.StringIO(), force_terminal=True)))
    >>> with said.step("answers", total=2) as advance:
    ...     advance(2)

    Args:
        console: of the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._open: dict[int | None, Event] = {}
        self._tasks: dict[int | None, TaskID] = {}
        self._live: Live | None = None
        self._bars = self._columns()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if event.event == "begin":
            self._begin(event)
        elif event.event == "advance" and event.step in self._tasks:
            task = self._tasks[event.step]
            self._bars.update(task, completed=event.done, counted=counted(event))
        elif event.event == "end":
            self._end(event)
        elif event.text:
            for line in lines(event):
                self._say(line)
        elif event.event == "finish":
            self._stop()

    def _begin(self, event: Event) -> None:
        self._open[event.step] = event
        if event.total is not None:
            name = printable(redact(heading(event)))
            self._tasks[event.step] = self._bars.add_task(
                name, total=event.total, counted=counted(event)
            )
        if self._live is None:
            self._live = Live(
                console=self._console, transient=True, get_renderable=self._shown,
                refresh_per_second=8,
            )  # fmt: skip
            self._live.start()
        self._live.refresh()

    def _end(self, event: Event) -> None:
        self._open.pop(event.step, None)
        if event.step in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.step))
        if not self._open:
            self._stop()
        if event.within not in self._open:
            self._say(ended(event))

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _say(self, text: str) -> None:
        line = wrapped(printable(redact(text)), self._console.width)
        self._console.print(Text(line), soft_wrap=True)
        if self._live is not None:
            self._live.refresh()

    def _shown(self) -> RenderableType:
        return Group(*self._headings(), self._bars.make_tasks_table(self._bars.tasks))

    def _headings(self) -> Iterator[Text]:
        for event in tuple(self._open.values()):
            if event.total is None:
                yield Text(printable(redact(heading(event))), no_wrap=True, overflow="crop")

    def _columns(self) -> Progress:
        return Progress(
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="crop"),
            ),
            BarColumn(BAR),
            TaskProgressColumn(),
            TextColumn("{task.fields[counted]}", markup=False, table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True),
            console=self._console,
            expand=True,
            auto_refresh=False,
        )
