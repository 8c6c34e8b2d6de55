"""Work on one folder by one process at a time: tables in one place share models and cells."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

STARTED = "TORCHELASTIC_RUN_ID"
"""The variable of each process that a launcher started to work with others."""


@contextmanager
def alone(place: Path, work: str) -> Iterator[None]:
    """Wait until no other process of this machine does this work at this place.

    What it may have made meanwhile is to be looked for inside. Processes that a launcher started
    make a model together, and do not wait for each other.

    >>> with alone(Path("attacked/full-0"), "make"):
    ...     pass

    Args:
        place: the folder or file that comes of it.
        work: what is done there; another work at the same place is not waited for.
    """
    if STARTED in os.environ:
        yield
        return
    user = os.getuid() if hasattr(os, "getuid") else ""
    key = hashlib.sha256(f"{user} {work} {place.absolute()}".encode()).hexdigest()[:24]
    with FileLock(Path(tempfile.gettempdir()) / f"modelrepair-lab-{key}.lock"):
        yield
