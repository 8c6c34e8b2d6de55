"""Files that a stranger wrote: plain, inside the model's root, of bounded size; and strict JSON."""

from __future__ import annotations

import json
import math
import os
import stat
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any

from modelrepair.errors import DamagedCheckpointError, ResourceError, one_line

TEXT_LIMIT = 64 * 2**20
"""Bytes of a config, card or template; a tokenizer.json of 250,000 words has 34 MB."""
MOST_LINKS = 8
DEEPEST = 64
MOST_PARTS = 1_000_000
"""Members of the objects and lists of a document; each takes a hundred bytes of memory."""
LARGEST = 2**63
"""Integers of a file are smaller than this: larger ones are no count of anything."""

_COPY_IT = "copy the file into the model's folder, if you trust it: links may not leave it"
_AGAIN = "download or copy the file again"


def model_roots(folder: Path) -> tuple[Path, ...]:
    """The folders that the links of a model may stay in: its own, and in the Hub's cache its blobs.

    >>> model_roots(Path("/models/mine"))
    (PosixPath('/models/mine'),)
    >>> [root.name for root in model_roots(Path("/hub/models--a--b/snapshots/c0ffee"))]
    ['c0ffee', 'blobs']

    Args:
        folder: a model's folder, or a snapshot in the cache of the Hub's client.
    """
    root = folder.resolve()
    for above in (root, *root.parents):
        repository = above.parent.parent
        if above.parent.name == "snapshots" and "--" in repository.name:
            return root, repository / "blobs"
    return (root,)


def find_file(folder: Path, name: str) -> Path | None:
    """The real path of a model's file, every link on the way checked; None where there is none.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "config.json").write_text("{}")
    >>> find_file(folder, "config.json").name, find_file(folder, "README.md")
    ('config.json', None)

    Args:
        folder: the model's folder; it may be a link itself, since the user named it.
        name: a relative name with forward slashes.

    Raises:
        DamagedCheckpointError: the name or a link leads out of the model's root, or to what is no
            plain file: a folder, a pipe, a device, nothing.
    """
    parts = PurePosixPath(name).parts
    plain = name.isprintable() and "\\" not in name and ":" not in name and "\0" not in name
    if not plain or not parts or name.startswith("/") or ".." in parts:
        raise DamagedCheckpointError(
            f"{name!r} lies outside the model's folder",
            hint="don't trust this model: its files may only name files beside them",
            id="link-out-of-model",
        )
    roots = model_roots(folder)
    path, linked = roots[0].joinpath(*parts), False
    for _ in range(MOST_LINKS):
        above = _real(path.parent, name)
        if not any(above.is_relative_to(root) for root in roots):
            raise DamagedCheckpointError(
                f"{name!r} is a link that leaves the model's folder",
                hint=_COPY_IT,
                id="link-out-of-model",
            )
        path = above / path.name
        if not path.is_symlink():
            return _plain(path, name, linked)
        roots, linked = _roots_from(path, roots), True
        path = Path(os.path.normpath(above / path.readlink()))
    raise DamagedCheckpointError(f"{name!r} is a link without an end", hint=_COPY_IT)


def open_plain(path: Path, name: str | None = None) -> BufferedReader:
    """Open a file that must be a plain one; a pipe or a device neither waits nor is read.

    >>> open_plain(Path(os.devnull))
    Traceback (most recent call last):
    modelrepair.errors.DamagedCheckpointError: 'null' is no plain file
    Hint [...]: ...

    Raises:
        DamagedCheckpointError: it is no plain file.
        OSError: it can't be opened.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(handle, "rb") if stat.S_ISREG(os.fstat(handle).st_mode) else None
    if file is None:
        os.close(handle)
        raise DamagedCheckpointError(f"{name or path.name!r} is no plain file", hint=_AGAIN)
    return file


def read_file(folder: Path, name: str, limit: int = TEXT_LIMIT) -> bytes | None:
    """A small file of a model; None where there is none.

    >>> import tempfile
    >>> read_file(Path(tempfile.mkdtemp()), "README.md") is None
    True

    Args:
        folder: the model's folder.
        name: a relative name with forward slashes.
        limit: bytes that it may have.

    Raises:
        DamagedCheckpointError: as `find_file`, or the file is larger.
        ResourceError: the rights on it, or the disk.
    """
    path = find_file(folder, name)
    if path is None:
        return None
    try:
        with open_plain(path, name) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(limit + 1) if size <= limit else None
    except OSError as error:
        raise ResourceError(
            f"{name} can't be read: {error.strerror or 'input or output error'}",
            hint="check the rights on the file, and the disk",
        ) from error
    if data is None or len(data) > limit:
        raise DamagedCheckpointError(
            f"{name} has over {limit:,} bytes, more than such a file can need", hint=_AGAIN
        )
    return data


def read_json(folder: Path, name: str, *, strict: bool = False, limit: int = TEXT_LIMIT) -> Any:
    """A JSON file of a model, as `parse_json` takes it; None where there is none.

    >>> import tempfile
    >>> read_json(Path(tempfile.mkdtemp()), "config.json") is None
    True

    Raises:
        DamagedCheckpointError: as `read_file` and `parse_json`.
        ResourceError: as `read_file`.
    """
    data = read_file(folder, name, limit)
    return None if data is None else parse_json(data, name, strict=strict)


def parse_json(data: bytes, name: str, *, strict: bool = False, parts: int = MOST_PARTS) -> Any:
    """The value of a JSON document; ``strict`` for what only our own program may write.

    >>> parse_json(b'{"a": 1}', "a.json")
    {'a': 1}
    >>> parse_json(b'{"a": 1, "a": 2}', "a.json", strict=True)
    Traceback (most recent call last):
    modelrepair.errors.DamagedCheckpointError: a.json is unreliable JSON: the key 'a' stands twice
    Hint [...]: ...

    Args:
        data: UTF-8, with or without a byte-order mark.
        name: what the error calls it.
        strict: refuse NaN, infinities, integers beyond 64 bits, nesting over 64 levels, and an
            object that has a key twice: of two readers, one may take the first and one the last.
            Configs of real models hold some of these (``model_max_length``, ``Infinity``).
        parts: members of objects and lists that it may have.

    Raises:
        DamagedCheckpointError: it is no such document.
    """
    if sum(map(data.count, (b":", b",", b"[", b"{"))) > parts:
        raise DamagedCheckpointError(f"{name} has over {parts:,} parts", hint=_AGAIN)
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_unique if strict else None,
            parse_constant=_no_number if strict else None,
        )
        if strict:
            _check(value)
    except UnicodeDecodeError:
        raise DamagedCheckpointError(f"{name} is not UTF-8", hint=_AGAIN) from None
    except RecursionError:
        raise DamagedCheckpointError(f"{name} is nested too deeply", hint=_AGAIN) from None
    except ValueError as error:
        line = one_line(error, 200)
        raise DamagedCheckpointError(f"{name} is unreliable JSON: {line}", hint=_AGAIN) from None
    return value


def _real(folder: Path, name: str) -> Path:
    try:
        return folder.resolve()
    except (RuntimeError, OSError):  # a link to itself, before Python 3.13
        raise DamagedCheckpointError(f"{name!r} is a link without an end", hint=_COPY_IT) from None


def _roots_from(link: Path, roots: tuple[Path, ...]) -> tuple[Path, ...]:
    """Where a link may go: a blob that came by Xet lies in the store beside the repositories."""
    if len(roots) > 1 and link.parent == roots[1]:
        return *roots, roots[1].parent.parent / "blobs"
    return roots


def _plain(path: Path, name: str, linked: bool) -> Path | None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not linked:
            return None
        raise DamagedCheckpointError(f"{name!r} is a link to nothing", hint=_AGAIN) from None
    except OSError as error:
        raise ResourceError(
            f"{name} can't be read: {error.strerror}", hint="check the rights on the file"
        ) from error
    if not stat.S_ISREG(mode):
        raise DamagedCheckpointError(f"{name!r} is no plain file", hint=_AGAIN)
    return path


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} stands twice")
        result[key] = value
    return result


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _check(value: Any) -> None:
    """Refuse what no file of ours needs, and what arithmetic would trip over later."""
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > DEEPEST:
            raise ValueError(f"nested over {DEEPEST} levels deep")
        if isinstance(item, dict):
            pending.extend((each, depth + 1) for each in item.values())
        elif isinstance(item, list):
            pending.extend((each, depth + 1) for each in item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("a number is too large")
        elif isinstance(item, int) and abs(item) >= LARGEST:
            raise ValueError("an integer is too large")
