"""Registers entry points in an interpreter of its own, and says what that took.

``python -m modelrepair.testing.importing VALUE…`` prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint
from itertools import chain
from typing import Any

from modelrepair.plugin import hookspecs
from modelrepair.plugin.hooks import ask
from modelrepair.plugin.options import parse_options
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec

HEAVY = ("torch", "transformers", "tensorflow", "jax")
"""What takes seconds to import."""


@dataclass(frozen=True)
class Cost:
    """What registering took.

    Args:
        seconds: from an interpreter that has imported `modelrepair.plugin` already.
        heavy: which of `HEAVY` were imported.
    """

    seconds: float
    heavy: tuple[str, ...]


def register(values: Sequence[str]) -> Cost:
    """Import the objects of these entry points, and ask their hooks, and the specs for sets.

    >>> register(["modelrepair.builtin"]).seconds < 60
    True

    Args:
        values: as the entry points have them, ``package.module:attribute``.
    """
    begun = time.perf_counter()
    for value in values:
        asked = ask(EntryPoint("plugin", value, hookspecs.PROJECT))
        for spec in chain.from_iterable(asked.offered.values()):
            _ask(spec)
    seconds = time.perf_counter() - begun
    return Cost(seconds, tuple(name for name in HEAVY if name in sys.modules))


def measure(values: Sequence[str]) -> Cost:
    """What `register` says in an interpreter of its own.

    >>> measure(["modelrepair.builtin"]).heavy
    ()

    Args:
        values: as the entry points have them, ``package.module:attribute``.

    Raises:
        RuntimeError: the interpreter failed; the message is the last line of its error.
    """
    # What this process can import, that one can: also what was put on the path after the start.
    path = os.pathsep.join(each for each in sys.path if each)
    ended = subprocess.run(
        [sys.executable, "-m", __name__, *values],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError((ended.stderr.strip() or "no message").splitlines()[-1])
    found = json.loads(ended.stdout.splitlines()[-1])
    return Cost(found["seconds"], tuple(found["heavy"]))


def _ask(spec: Any) -> None:
    """Ask which sets a plug-in needs, as a plan does before anything is computed."""
    if isinstance(spec, ScorerSpec | RepairerSpec):
        with contextlib.suppress(Exception):  # whether it can answer is another check's question
            options = parse_options(spec.options, {}, spec.name)
            _ = spec.sets(options, "weight") if isinstance(spec, ScorerSpec) else spec.sets(options)


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(asdict(register(sys.argv[1:])))}\n")
