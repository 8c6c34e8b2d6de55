"""Digests that decide whether an earlier result is still valid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """A short digest of settings; a file counts by its content, not by its path.

    >>> digest({"a": 1, "b": [2, None]}) == digest({"b": (2, None), "a": 1})
    True
    """
    text = json.dumps(_plain(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stamp(model: Path) -> list[tuple[str, int, int]]:
    """The weights of a model by name, size and time: reading them all would take too long."""
    files = sorted(model.glob("*.safetensors"))
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def still_valid(path: Path, made_of: str) -> dict[str, Any] | None:
    """What an earlier run wrote, without its digest; None where it is not there, or of another.

    >>> still_valid(Path("missing.json"), digest({}))

    Args:
        path: a JSON document with a ``digest``.
        made_of: the digest of all that it would be made of now.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.pop("digest", None) == made_of else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, Path)) and _is_file(Path(value)):
        return hashlib.sha256(Path(value).read_bytes()).hexdigest()
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a text that is no path, such as one that is too long
