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
from collections.abc import Callable

import pytest

from modelrepair.cli.output import Output
from modelrepair.progress import Event, Progress


class Stopping:
    """A watcher that sends a signal amid one step.

    Args:
        step: of the names of the step and what it is part of, a regular expression.
        number: which beginning of such a step; earlier ones end well.
        send: sends the signal.
    """

    def __init__(self, step: str, number: int, send: Callable[[], object]) -> None:
        self.pattern, self.left, self.send = step, number, send
        self.names: dict[int | None, str] = {}
        self.armed: int | None = None

    def __call__(self, event: Event) -> None:
        if event.event == "begin":
            outer = self.names.get(event.within)
            name = f"{outer}: {event.name}" if outer else str(event.name)
            self.names[event.step] = name
            if event.total is not None:
                self.left -= bool(re.search(self.pattern, name))
                if self.left == 0:
                    self.armed, self.left = event.step, -1
        elif event.event == "advance" and event.step == self.armed:
            self.send()


def stop_at(
    monkeypatch: pytest.MonkeyPatch, step: str, number: int = 1, sent: int = signal.SIGINT
) -> None:
    """Let the commands of this process send themselves a signal amid a step."""
    real = Output.progress
    stopping = Stopping(step, number, lambda: os.kill(os.getpid(), sent))
    monkeypatch.setattr(Output, "progress", lambda output: Progress(real(output).say, stopping))


if __name__ == "__main__":
    _, step, number, sent, *arguments = sys.argv
    patch = pytest.MonkeyPatch()
    stop_at(patch, step, int(number), signal.Signals[sent])
    for picture in ("plot_layers", "plot_frontier"):  # it takes as long as a search
        patch.setattr(f"modelrepair.artifact.writer.{picture}", lambda *_: False)
    sys.argv = ["modelrepair", *arguments]
    from modelrepair.cli.main import main

    main()
