"""SHA-256 of files: what a source is, beyond its name."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from modelrepair.checkpoint.untrusted import find_file, model_roots, open_plain

_SHA256 = re.compile("[0-9a-f]{64}")


def sha256_file(path: str | Path) -> str:
    """The SHA-256 of a plain file's bytes, in hexadecimal.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "empty"
    >>> _ = file.write_bytes(b"")
    >>> sha256_file(file)[:8]
    'e3b0c442'

    Raises:
        DamagedCheckpointError: it is no plain file.
    """
    with open_plain(Path(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: str | Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each named file of a folder, sorted by name.

    >>> digests(".", [])
    {}
    """
    return {name: sha256_file(Path(folder) / name) for name in sorted(names)}


def identity(folder: Path, name: str) -> str:
    """The SHA-256 of a model's file: by its name in the Hub's cache, else of its bytes.

    The Hub's client names a large file by its SHA-256, so that it needs no reading.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "config.json").write_bytes(b"")
    >>> identity(folder, "config.json")[:8]
    'e3b0c442'

    Raises:
        DamagedCheckpointError: the file is no plain one inside the model's root.
    """
    found = find_file(folder, name) or folder / name
    link = folder.resolve() / name
    if link.is_symlink():
        blob = Path(os.path.normpath(link.parent / link.readlink()))
        if blob.parent in model_roots(folder)[1:] and _SHA256.fullmatch(blob.name):
            return blob.name
    return sha256_file(found)
