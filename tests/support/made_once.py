"""What takes long to make, made once for all workers of pytest-xdist; read only."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

T = TypeVar("T")


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of this run of the tests, the same for every worker."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What ``make`` returns: by the worker that comes first, in a folder that all read.

    Args:
        factory: knows the folder of this run.
        name: of the folder below it.
        make: fills the folder, and returns what can be pickled.
    """
    folder = shared_folder(factory) / "made" / name
    folder.parent.mkdir(exist_ok=True)
    value = folder.with_name(f"{name}.pickle")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not value.exists():
            value.write_bytes(pickle.dumps(make(folder)))
        return pickle.loads(value.read_bytes())
