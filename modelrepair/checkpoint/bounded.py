"""A stranger's pattern or template, tried in bounded time and memory before it is used.

Both are small programs: one line of either can compute for ever, or fill the memory. They are
tried in a process of their own, which can be ended, by the same engine that will run them later.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

SECONDS = 10.0
"""Processor time that a try may take, where the system counts it; else time on the clock. A real
template or pattern takes milliseconds of either, and on a busy machine seconds on the clock."""
START = 300.0
"""How long the process may take in all: on a busy machine an import alone takes many seconds."""
MEMORY = 2**30
"""Bytes that a try may take: by the system's limit, and where it has none, by looking."""
IMPORTED = 2**30
"""What the imports of a try take at most."""
LOOK = 0.1
"""Seconds between two looks at what a try has taken."""

# The time runs from the end of the imports, and is up in C: a pattern holds Python's threads up.
_LIMIT = """
import faulthandler, json, os, signal, sys
given = json.load(sys.stdin)
def limit():
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, given["seconds"])
    else:
        faulthandler.dump_traceback_later(
            given["seconds"], exit=True, file=open(os.devnull, "w")
        )
    try:
        import resource
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + given["memory"],) * 2)
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system: what is taken is watched from outside
"""
# Names go outside and patterns inside, as peft goes through them.
_PATTERNS = """
import re
limit()
try:
    for name in given["names"]:
        for pattern in given["patterns"]:
            re.match(pattern, name)
            re.fullmatch(pattern, name)
except (re.error, RecursionError, OverflowError, MemoryError) as error:
    # From Python 3.13 on it calls itself PatternError.
    kind = "error" if isinstance(error, re.error) else type(error).__name__
    sys.exit(f"{kind}: {error}"[:200])
"""
_TEMPLATE = """
from transformers.utils.chat_template_utils import render_jinja_template
limit()
for turns, opened in given["conversations"]:
    try:
        rendered, _ = render_jinja_template(
            conversations=[turns], chat_template=given["source"],
            add_generation_prompt=opened, **given["settings"],
        )
        if len(rendered[0]) > given["most"]:
            sys.exit("it writes more than " + str(given["most"]) + " letters")
    except MemoryError:
        sys.exit("it takes too much memory")
    except Exception:
        pass  # what a template does not take is reported where it is rendered
"""


_ENDED = (1, -signal.SIGPROF) if hasattr(signal, "SIGPROF") else (1,)
"""How a try ends whose time is over: by the watch in it, or by the system."""


class TooLong(Exception):
    """A step was ended because its time was over."""


def try_patterns(patterns: list[str], names: list[str]) -> str | None:
    r"""Match regular expressions with names; why they can't be used, or None where they can.

    >>> try_patterns([r".*\.q_proj"], ["layers.0.q_proj"]) is None
    True
    """
    return _tried(_PATTERNS, {"patterns": patterns, "names": names})


def try_template(
    source: str, conversations: list[tuple[list[dict[str, str]], bool]], settings: dict[str, Any]
) -> str | None:
    """Render a chat template; why it can't be used, or None where it ends in time.

    >>> try_template("{{ 'a' * 10**12 }}", [([], True)], {})
    'it takes too much memory'

    Args:
        source: the template.
        conversations: turns, each with whether the model's turn is opened behind them.
        settings: what else the template is given.
    """
    given = {"source": source, "conversations": conversations, "settings": settings}
    return _tried(_TEMPLATE, given | {"most": 2**20})


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End Python code that takes longer; a long step inside a C function is ended after it.

    What counts is the thread's processor time, where the system tells it.

    >>> with within(5):
    ...     pass

    Raises:
        TooLong: the time was over.
    """
    step = object()
    _WATCH.begin(step, seconds)
    try:
        yield
    finally:
        _WATCH.end(step)


class _Watch:
    """One thread for all steps: to start one for each would take longer than most steps do."""

    def __init__(self) -> None:
        self._steps: dict[object, tuple[float, float, int]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes = math.inf

    def begin(self, step: object, seconds: float) -> None:
        """End this thread's step after so many seconds."""
        thread = threading.get_ident()
        until = time.monotonic() + seconds
        with self._changed:
            self._steps[step] = (until, _spent(thread) + seconds, thread)
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            if until < self._wakes:
                self._changed.notify()

    def end(self, step: object) -> None:
        """The step is over; from here on it is not ended any more."""
        with self._changed:
            self._steps.pop(step, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for step, (until, end, thread) in list(self._steps.items()):
                    if until > now:
                        continue
                    # A thread takes its step out before it ends: its clock is there.
                    if (left := end - _spent(thread)) > 0:
                        self._steps[step] = (now + left, end, thread)
                    else:
                        del self._steps[step]
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(
                            ctypes.c_ulong(thread), ctypes.py_object(TooLong)
                        )
                # Steps that ended meanwhile need no waking: it wakes for the first of the others.
                self._wakes = min((until for until, *_ in self._steps.values()), default=math.inf)
                self._changed.wait(min(self._wakes - now, threading.TIMEOUT_MAX))


def _spent(thread: int) -> float:
    """Processor seconds of a running thread; where the system counts none, those of the clock."""
    if sys.platform in ("win32", "darwin"):
        return time.monotonic()
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


_WATCH = _Watch()


def _tried(code: str, given: dict[str, Any]) -> str | None:
    until = time.monotonic() + START
    with subprocess.Popen(
        # -P: no module of the folder that we happen to run in takes another's place.
        [sys.executable, "-P", "-c", _LIMIT + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        said: str | None = json.dumps(given | {"memory": MEMORY, "seconds": SECONDS})
        try:
            while True:
                try:
                    _, errors = process.communicate(said, timeout=LOOK)
                    break
                except subprocess.TimeoutExpired:
                    said = None
                    if time.monotonic() > until:
                        return f"it could not be tried within {START:.0f} seconds"
                    if _taken(process.pid) > MEMORY + IMPORTED:
                        return "it takes too much memory"
        finally:
            process.kill()
    if process.returncode == 0:
        return None
    lines = errors.strip().splitlines()
    if process.returncode in _ENDED and not lines:
        return f"it did not end within {SECONDS:.0f} seconds"
    return lines[-1][:200] if lines else f"it ended with {process.returncode}"


def _taken(process: int) -> int:
    """Bytes of memory that a process holds; of one that has ended, none."""
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0
