"""A stranger's pattern or template, tried in bounded time and memory before it is used.

Both are small programs: one line of either can compute for ever, or fill the memory. They are
tried in a process of their own, which can be ended, by the same engine that will run them later.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 10.0
"""How long a try may take; a real template or pattern takes milliseconds."""
START = 300.0
"""How long the process may take to begin: on a busy machine an import alone takes many seconds."""
MEMORY = 2**30

# The clock runs from the end of the imports, and in C: a pattern holds Python's own threads up.
_LIMIT = """
import faulthandler, json, os, sys
given = json.load(sys.stdin)
def limit():
    faulthandler.dump_traceback_later(
        given["seconds"], exit=True, file=open(os.devnull, "w")
    )
    try:
        import resource
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + given["memory"],) * 2)
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system: the time is limited all the same
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
    sys.exit(f"{type(error).__name__}: {error}"[:200])
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
        pass  # what a template does not take is told where it is rendered
"""


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

    >>> with within(5):
    ...     pass

    Raises:
        TooLong: the time was over.
    """
    thread, lock, done = threading.get_ident(), threading.Lock(), threading.Event()

    def stop() -> None:
        with lock:
            if not done.is_set():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread), ctypes.py_object(TooLong)
                )

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            done.set()
        timer.cancel()


def _tried(code: str, given: dict[str, Any]) -> str | None:
    try:
        ended = subprocess.run(
            # -P: no module of the folder that we happen to run in takes another's place.
            [sys.executable, "-P", "-c", _LIMIT + code],
            input=json.dumps(given | {"memory": MEMORY, "seconds": SECONDS}),
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=START,
        )
    except subprocess.TimeoutExpired:
        return f"it could not be tried within {START:.0f} seconds"
    if ended.returncode == 0:
        return None
    lines = ended.stderr.strip().splitlines()
    if ended.returncode == 1 and not lines:
        return f"it did not end within {SECONDS:.0f} seconds"
    return lines[-1][:200] if lines else f"it ended with {ended.returncode}"
