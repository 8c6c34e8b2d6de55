"""What a plug-in does beside giving its answer: what it reads, draws and writes."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    [
        *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink"),
        *("os.truncate", "os.chmod", "shutil.copyfile", "shutil.move"),
    ]
)


_watching: list[list[str]] = []
_installed: list[bool] = []


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """See what is written inside the context: paths that are opened for it, made or removed.

    Python says what its own functions open. Files that other code writes are found where they
    most likely are: in the working directory, in the folder for temporary files and at home, which
    all are ``folder`` inside the context.

    >>> with watched(Path("empty")) as written:
    ...     _ = Path("made").write_text("x")
    >>> written
    ['made']

    Args:
        folder: an empty folder, made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _installed:
        sys.addaudithook(_hear)  # for good: a hook can't be taken away
        _installed.append(True)
    written: list[str] = []
    before = tempfile.tempdir
    names = {name: os.environ.get(name) for name in ("HOME", "TMPDIR")}
    with contextlib.chdir(folder):
        os.environ.update(dict.fromkeys(names, str(folder)))
        tempfile.tempdir = str(folder)
        _watching.append(written)
        try:
            yield written
        finally:
            _watching.pop()
            tempfile.tempdir = before
            for name, value in names.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
    if not written:
        written += sorted(path.name for path in folder.iterdir())


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if mode else bool(flags & _WRITING)
    else:
        path, writes = next(iter(arguments), None), event in _CHANGES
    # Python keeps what it compiled of modules; the null device keeps nothing.
    if writes and isinstance(path, str | bytes) and not _is_harmless(os.fsdecode(path)):
        _watching[-1].append(os.fsdecode(path))


def _is_harmless(path: str) -> bool:
    return "__pycache__" in path or path == os.devnull


K = TypeVar("K")
V = TypeVar("V")


class Noted(dict[K, V]):
    """A mapping that knows which of its keys were asked for.

    >>> shown = Noted({"utility": 1, "refusal": 2})
    >>> shown["utility"], shown.names
    (1, {'utility'})
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.names: set[K] = set()

    def __getitem__(self, name: K) -> V:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: K, default: Any = None) -> Any:
        """As a mapping's own, and on record, too."""
        self.names.add(name)
        return super().get(name, default)


class Drew(Exception):
    """Global random numbers were drawn or seeded; the argument says whose."""


@contextlib.contextmanager
def no_draws() -> Iterator[None]:
    """Make sure that no global random numbers are drawn or seeded inside the context.

    >>> with no_draws():
    ...     _ = torch.randn(2, generator=torch.Generator().manual_seed(0))

    Raises:
        Drew: some are; whatever happens, they are as before afterwards.
    """
    before = (torch.get_rng_state(), np.random.get_state(), random.getstate())
    try:
        # From an unlikely state, so that a plug-in that seeds leaves another one.
        torch.manual_seed(1234567)
        np.random.seed(1234567)
        random.seed(1234567)
        states = _states()
        yield
        drawn = [name for name, state in _states().items() if state != states[name]]
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])
    if drawn:
        raise Drew(" and ".join(drawn))


def _states() -> dict[str, Any]:
    kind, numbers, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (str(kind), np.asarray(numbers).tobytes(), *map(str, rest)),
        "random": random.getstate(),
    }
