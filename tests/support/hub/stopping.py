"""Ends a command at one of its steps by a signal, as a user, a terminal or the system would.

``python -m tests.support.hub.stopping STEP NUMBER SIGNAL fix …`` runs the command in a process of
its own, which sends itself the signal at the first piece of work of the step's beginning of that
number.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from modelrepair.cli.output import Output


class Stopping:
    """A progress that passes everything on, and sends a signal amid one step.

    Args:
        inner: the progress itself.
        step: of the step's description, a regular expression.
        number: which beginning of such a step; earlier ones end well.
        send: sends the signal.
    """

    def __init__(self, inner: Any, step: str, number: int, send: Callable[[], object]) -> None:
        self.inner, self.pattern, self.left, self.send = inner, step, number, send
        self.note = inner.note

    @contextmanager
    def step(self, description: str, total: float) -> Iterator[Callable[..., None]]:
        self.left -= bool(re.search(self.pattern, description))
        armed, self.left = self.left == 0, self.left or -1

        with self.inner.step(description, total) as advance:

            def stop(amount: float = 1) -> None:
                advance(amount)
                self.send()

            yield stop if armed else advance


def stop_at(
    monkeypatch: pytest.MonkeyPatch, step: str, number: int = 1, sent: int = signal.SIGINT
) -> None:
    """Let the commands of this process send themselves a signal amid a step."""
    real = Output.progress
    monkeypatch.setattr(
        Output,
        "progress",
        lambda output: Stopping(real(output), step, number, lambda: os.kill(os.getpid(), sent)),
    )


if __name__ == "__main__":
    _, step, number, sent, *arguments = sys.argv
    patch = pytest.MonkeyPatch()
    stop_at(patch, step, int(number), signal.Signals[sent])
    for picture in ("plot_layers", "plot_frontier"):  # it takes as long as a search
        patch.setattr(f"modelrepair.artifact.writer.{picture}", lambda *_: False)
    sys.argv = ["modelrepair", *arguments]
    from modelrepair.cli.main import main

    main()
