"""Example sets that are given as rows, in Python: read as a file with the same rows would be."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelrepair.errors import ExampleSetError
from modelrepair.examples.keys import SetKey
from modelrepair.moving import temporary_folder

GivenSet = str | Path | Iterable[Mapping[str, Any]]
"""A name, a file or an id on the Hub; or rows, such as ``[{"prompt": "…", "response": "…"}]``."""
HINT = 'give a name, a path, an id, or rows such as [{"prompt": "…", "response": "…"}]'


@contextmanager
def rows_in_files(
    sets: Mapping[SetKey, GivenSet | None],
) -> Iterator[dict[SetKey, str | Path | None]]:
    r"""The sets, those given as rows in files, for as long as the block lasts.

    A file is named by its rows, so that the same rows are the same set when a repair is resumed;
    the card names it as any local file.

    >>> rows = [{"prompt": "2 + 2?", "response": "4"}]
    >>> with rows_in_files({SetKey.UTILITY: rows}) as given:
    ...     Path(given[SetKey.UTILITY]).read_text(encoding="utf-8")
    '{"prompt": "2 + 2?", "response": "4"}\n'

    Args:
        sets: as they were given; None where one was not.

    Raises:
        ExampleSetError: what is given is neither a name nor rows.
    """
    named = {
        key: some for key, some in sets.items() if some is None or isinstance(some, str | Path)
    }
    rows = {key: some for key, some in sets.items() if key not in named}
    if not rows:
        yield named
        return
    with temporary_folder(prefix="modelrepair-sets-") as folder:
        yield {**named, **{key: _file(folder, key, some) for key, some in rows.items()}}


def _file(folder: Path, key: str, rows: Any) -> str:
    lines = [_line(key, number, row) for number, row in enumerate(_records(key, rows), 1)]
    text = "".join(f"{line}\n" for line in lines)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = folder / f"rows-{digest[:12]}.jsonl"
    path.write_text(text, encoding="utf-8")
    return str(path)


def _records(key: str, rows: Any) -> Iterable[Any]:
    """The rows one by one; a table of pandas is iterated by its columns."""
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    if isinstance(rows, (Mapping, bytes)) or not isinstance(rows, Iterable):
        raise ExampleSetError(f"{key} is {type(rows).__name__}, and no rows", hint=HINT)
    return rows


def _line(key: str, number: int, row: Any) -> str:
    if not isinstance(row, Mapping):
        raise ExampleSetError(f"row {number} of {key} is no mapping", hint=HINT, id="set-malformed")
    try:
        return json.dumps(_plain(row))
    except (TypeError, ValueError) as error:
        raise ExampleSetError(
            f"row {number} of {key}: {error}", hint=HINT, id="set-malformed"
        ) from None


def _plain(value: Any) -> Any:
    """A cell as a file would hold it: an array's numbers, and nothing where a table has a gap."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and math.isnan(value) else value
