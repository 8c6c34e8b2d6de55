"""SHA-256 of files: what a source is, beyond its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def sha256_file(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "empty"
    >>> _ = file.write_bytes(b"")
    >>> sha256_file(file)[:8]
    'e3b0c442'
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: str | Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each named file of a folder, sorted by name.

    >>> digests(".", [])
    {}
    """
    return {name: sha256_file(Path(folder) / name) for name in sorted(names)}
