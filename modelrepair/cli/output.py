"""The one way out: results on stdout, everything else on stderr, ``--json`` as one document."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from modelrepair.cli.bars import Bars, Lines
from modelrepair.cli.failures import Failure
from modelrepair.cli.redact import redact
from modelrepair.printable import printable
from modelrepair.progress import Progress

WIDTH_WITHOUT_TERMINAL = 160


@dataclass(frozen=True)
class Output:
    """Where a command's result, progress and failure go.

    >>> Output(json_mode=True).result({"verdict": "passed"}, "passed")
    {"verdict": "passed"}
    """

    json_mode: bool = False
    debug: bool = False
    # Kept from the start: while a command works, sys.stdout leads to stderr.
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def result(self, document: Mapping[str, Any], *shown: RenderableType) -> None:
        """Print the result: the document with ``--json``, else what is shown to people."""
        if self.json_mode:
            self._write(json.dumps(_plain(document)))
            return
        console = _console(self.stdout)
        with console.capture() as captured:
            for part in shown:
                if isinstance(part, str):
                    console.print(Text(printable(part)), soft_wrap=True)
                else:
                    console.print(_printable(part))
        self._write(captured.get().rstrip("\n"))

    def failure(self, failure: Failure, error: BaseException) -> None:
        """Print what went wrong, and with ``--debug`` where."""
        if self.debug:
            self._complain("".join(traceback.format_exception(error)).rstrip())
        self._complain(f"Error: {failure.message}\nHint: {failure.hint}")
        if self.json_mode:
            self._write(json.dumps(_plain(failure.to_json())))

    def note(self, message: str) -> None:
        """One line on stderr."""
        self._complain(printable(message))

    def progress(self) -> Progress:
        """Bars where somebody watches, else a few lines; on stderr."""
        if self.stderr.isatty() and os.environ.get("TERM") != "dumb":
            return Bars(Console(file=self.stderr))
        return Lines(self.stderr)

    def _write(self, text: str) -> None:
        try:
            print(redact(text), file=self.stdout, flush=True)
        except BrokenPipeError:
            # The reader (`| head`) has gone: nothing to say, and Python must not complain when it
            # flushes at exit.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())

    def _complain(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(printable(redact(text), lines=True), file=self.stderr, flush=True)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, markup=False)


def _printable(part: RenderableType) -> RenderableType:
    """A table whose cells show what is in them; a line break stays inside its cell."""
    for column in part.columns if isinstance(part, Table) else ():
        column._cells = [
            printable(cell, lines=True) if isinstance(cell, str) else cell for cell in column._cells
        ]
    return part


def _plain(value: Any) -> Any:
    """A document as JSON in ASCII can hold it, and without a token in any spelling of JSON's."""
    # NaN and infinity are no JSON.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {redact(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return redact(value) if isinstance(value, str) else value
