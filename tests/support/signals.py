"""Signals of a process that a test starts."""

from __future__ import annotations

import signal


def signals_as_in_a_shell():
    """A run of the tests in the background, or under nohup, ignores some: its child would, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
