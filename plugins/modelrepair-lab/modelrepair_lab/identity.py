"""Digests that decide whether an earlier result is still valid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """A short digest of settings; a file or a model counts by its content, not by its path.

    >>> digest({"a": 1, "b": [2, None]}) == digest({"b": (2, None), "a": 1})
    True
    """
    text = json.dumps(_plain(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


READ = (".safetensors", ".json", ".jinja", ".model", ".txt")
"""How the names of files end that a model is made of: weights, configs, tokenizer, template."""


def stamp(model: Path) -> list[tuple[str, int, int]]:
    """The files of a model by name, size and time: reading them all would take too long."""
    files = sorted(path for path in model.glob("*") if path.suffix in READ)
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def still_valid(path: Path, made_of: str, code: str | None = None) -> dict[str, Any] | None:
    """What an earlier run wrote, without its digest; None where it is not there, or of another.

    >>> still_valid(Path("missing.json"), digest({}))

    Args:
        path: a JSON document with a ``digest``.
        made_of: the digest of all that it would be made of now.
        code: that of the code that would make it now; None takes what other code made, too.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if found.pop("digest", None) != made_of:
        return None
    return found if code is None or found.get("code") == code else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, Path)) and _is_file(Path(value)):
        return hashlib.sha256(Path(value).read_bytes()).hexdigest()
    if isinstance(value, (str, Path)) and str(value) and (files := _stamped(Path(value))):
        return files
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def _stamped(path: Path) -> list[list[Any]]:
    try:
        return [list(each) for each in stamp(path)] if path.is_dir() else []
    except (OSError, ValueError):
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a text that is no path, such as one that is too long
