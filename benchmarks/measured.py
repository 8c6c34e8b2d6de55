"""What a command takes: wall time, processor time, and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from modelrepair.progress import peak_of

_PAUSE = 0.2


@dataclass(frozen=True)
class Measured:
    """What one run of a command took.

    Args:
        wall_s: from its start to its end.
        processor_s: user and system time of the process and of all processes that it waited for.
        peak_bytes: the most memory of the largest of its processes, mapped files included
            (VmHWM); None where the system does not say.
        said: the JSON object of its last line; empty where it printed none.
        failure: the last line of its errors; None where it succeeded.
        load: how many processes wanted a processor at its end, on the average of a minute: what
            else the machine did.
    """

    wall_s: float
    processor_s: float
    peak_bytes: int | None
    said: Mapping[str, Any] = field(default_factory=dict)
    failure: str | None = None
    load: float | None = None


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command in a process of its own.

    >>> import sys
    >>> measure([sys.executable, "-c", "print({})"]).said
    {}

    Args:
        command: the program and its arguments.
        environment: variables that it gets beside those of this process.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=errors, env={**os.environ, **(environment or {})}
        )
        watch = _Watch(process.pid)
        # Of `wait4` alone comes the time of this process and its children, without that of others.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = code = os.waitstatus_to_exitcode(status)
        peak = watch.stop()
        out.seek(0)
        errors.seek(0)
        said, complaint = _last(out.read()), _last(errors.read())
    failure = None if code == 0 else complaint or f"exit code {code}"
    return Measured(
        wall, usage.ru_utime + usage.ru_stime, peak, _object(said), failure, os.getloadavg()[0]
    )


class _Watch(threading.Thread):
    """Looks at the memory of a process and its children until it is stopped.

    What the kernel keeps for `wait4` will not do: a process inherits the peak of the one that
    started it.
    """

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process, self._peak, self._over = process, 0, threading.Event()
        self.start()

    def run(self) -> None:
        """Look, again and again."""
        while not self._over.is_set():
            self._peak = max(self._peak, *(peak_of(each) or 0 for each in _family(self._process)))
            self._over.wait(_PAUSE)

    def stop(self) -> int | None:
        """The highest peak seen, in bytes."""
        self._over.set()
        self.join()
        return self._peak or None


def _family(process: int) -> list[int]:
    try:
        return [process, *(each.pid for each in psutil.Process(process).children(recursive=True))]
    except psutil.Error:
        return [process]


def _last(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
