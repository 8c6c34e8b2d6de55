"""Signals in the tests, and in a process that a test starts."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Where Ctrl-C is ignored, as in the background: tests that send it to themselves expect it."""
    found = signal.getsignal(signal.SIGINT)
    if found is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, found)


def signals_as_in_a_shell():
    """A run of the tests in the background, or under nohup, ignores some: its child would, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
