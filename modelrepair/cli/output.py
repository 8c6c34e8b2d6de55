"""The one way out: results on stdout, everything else on stderr, ``--json`` as one document."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TextIO

from modelrepair.cli.errors import INTERRUPTED, Failure
from modelrepair.errors import hint_line
from modelrepair.progress import Progress, Watcher
from modelrepair.text.pasted import pasted
from modelrepair.text.printable import printable
from modelrepair.text.redaction import redact
from modelrepair.text.wrapping import WITHOUT_TERMINAL, fit, width_of, wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


@dataclass
class Standing:
    """What stands already where a command ends early.

    Args:
        document: what ``--json`` prints beside the error.
        said: what was done so far, where it is interrupted.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""


@dataclass(frozen=True)
class Output:
    """Where a command's result, progress and failure go.

    >>> Output(json_mode=True).result({"verdict": "passed"}, "passed")
    {"verdict": "passed"}

    Args:
        json_mode: one document, and nothing else, on stdout.
        debug: with tracebacks.
        typed: the words of the command, without the program's name.
        standing: what a failure leaves behind.
        events: the file of ``--events``.
    """

    json_mode: bool = False
    debug: bool = False
    typed: tuple[str, ...] = ()
    standing: Standing = field(default_factory=Standing)
    events: Watcher | None = None
    # Kept from the start: while a command works, sys.stdout leads to stderr.
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def result(self, document: Mapping[str, Any], *shown: RenderableType) -> None:
        """Print the result: the document with ``--json``, else what is shown to people."""
        if self.json_mode:
            self.document(document)
            return
        self.show(*shown)

    def document(self, document: Mapping[str, Any]) -> None:
        """Print one JSON document in one line, whatever the mode: a format was asked for."""
        self._write(json.dumps(plain(document)))

    def text(self, text: str) -> None:
        """Print a document that is text already, whatever the mode."""
        self._write(text)

    def show(self, *shown: RenderableType) -> None:
        """Print lines and tables for people; with ``--json``, nothing."""
        if self.json_mode or not shown:
            return
        width = width_of(self.stdout)
        parts = [_shown(part, self.stdout, width) for part in shown]
        self._write("\n".join(part.rstrip("\n") for part in parts))

    @property
    def command(self) -> str:
        """The command as it was typed."""
        return pasted(["modelrepair", *self.typed])

    def failure(self, failure: Failure, error: BaseException) -> None:
        """Print what went wrong, and with ``--debug`` where."""
        if self.debug:
            trace = "".join(traceback.format_exception(error)).rstrip()
            # The hint of our own errors ends the traceback, and follows below.
            hint = hint_line(getattr(error, "hint", ""), getattr(error, "id", ""))
            self._say(trace.removesuffix(hint).rstrip())
        if failure.exit_code == INTERRUPTED and self.typed:
            said = f"; {self.standing.said}" if self.standing.said else ""
            failure = replace(
                failure, message=failure.message + said, hint=f"{failure.hint}: {self.command}"
            )
        self.refusal(failure.message, failure.hint, failure.id)
        if self.json_mode:
            document = {**self.standing.document, **failure.to_json()}
            self._write(json.dumps(plain(document)))

    def help(self, text: str) -> None:
        """The help of a command that was typed without what it needs; on stderr."""
        self._say(text)

    def refusal(self, message: str, hint: str, id: str) -> None:
        """What is wrong and what to do, on stderr, in the words that scripts look for."""
        self._complain(f"Error: {message}\n{hint_line(hint, id)}")

    def note(self, message: str) -> None:
        """One line on stderr."""
        self._complain(printable(message))

    def progress(self) -> Progress:
        """Bars on a terminal, else a few lines, on stderr; and the file of events, if any."""
        from modelrepair.text.displays import display_of

        beside = () if self.events is None else (self.events,)
        return Progress(display_of(self.stderr), *beside)

    def _write(self, text: str) -> None:
        try:
            print(redact(text), file=self.stdout, flush=True)
        except BrokenPipeError:
            # The reader (`| head`) has gone: nothing to say, and Python must not complain when it
            # flushes at exit.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())

    def _complain(self, text: str) -> None:
        self._say(wrapped(printable(redact(text), lines=True), width_of(self.stderr)))

    def _say(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(printable(redact(text), lines=True), file=self.stderr, flush=True)


def _shown(part: RenderableType, stream: TextIO, width: int | None) -> str:
    """A line or a table as text, no wider than the terminal but for words that are."""
    if isinstance(part, str):
        return wrapped(printable(part), width)
    from rich.console import Console
    from rich.table import Table

    columns = width or WITHOUT_TERMINAL
    if isinstance(part, Table):
        columns = fit(_printable(part), columns)
    console = Console(file=stream, width=columns, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _printable(part: Table) -> Table:
    """A table whose cells show what is in them; a line break stays inside its cell."""
    for column in part.columns:
        column._cells = [
            printable(cell, lines=True) if isinstance(cell, str) else cell for cell in column._cells
        ]
    return part


def plain(value: Any) -> Any:
    """A document as JSON in ASCII can hold it, and without a token in any spelling of JSON's.

    >>> plain({"share": float("nan"), "names": ("a",)})
    {'share': None, 'names': ['a']}
    """
    # NaN and infinity are no JSON.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {redact(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return redact(value) if isinstance(value, str) else value
