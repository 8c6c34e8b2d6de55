"""Signals that end a run: the first as Ctrl-C does, and what does not end then is ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from modelrepair.cli.errors import INTERRUPTED

ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C, an orderly end, a terminal that closes, Ctrl-Break; not every system has all."""
PATIENCE = 10.0
"""Seconds that the clean-up after a signal may take, threads of a download among it."""
SHOW_CURSOR = "\x1b[?25h"


class Ending:
    """Ends the process by signals, the first time through its clean-up.

    Args:
        say: says that it was interrupted, where it ends without its clean-up.
    """

    def __init__(self, say: Callable[[], object]) -> None:
        self._say = say
        self._begun = False

    def watch(self) -> None:
        """From now on, take the signals; those that the caller ignores (`nohup`) stay so."""
        for name in ENDING:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._end)

    def say(self) -> None:
        """All is said: what comes now ends the process without a word."""
        self._say = lambda: None

    def _end(self, number: int, frame: FrameType | None) -> None:
        # A thread that waits for the network would keep the process for as long as it likes. It is
        # said by a thread, too: a signal may come amid a write, which can't be written into.
        leaving = threading.Timer(0 if self._begun else PATIENCE, self.leave)
        leaving.daemon = True
        leaving.start()
        if not self._begun:
            self._begun = True
            raise KeyboardInterrupt

    def leave(self) -> NoReturn:
        """End here and now: all that a run leaves can be resumed, as after a kill.

        Not by `sys.exit`: it waits for threads, and where an interrupt passed through an `exec`,
        as imports do, Python ends with the signal and not with our code.
        """
        with suppress(Exception):
            if sys.stderr.isatty():
                sys.stderr.write(SHOW_CURSOR)
            self._say()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(INTERRUPTED)
