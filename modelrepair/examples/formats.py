"""Rows of the files that people keep examples in: each a record, with the place it stands at."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from modelrepair.checkpoint.weight_files import FETCH, POINTER
from modelrepair.errors import ExampleSetError
from modelrepair.examples.packed import members, open_zstandard
from modelrepair.examples.row import BYTE_ORDER_MARK, CONVERSATIONS, Row, fail, kind_of
from modelrepair.text.units import in_bytes

LONGEST_LINE = 16 << 20
"""Bytes; whatever is longer is no example but a file without line ends."""
LARGEST_FILE = 1 << 30
"""Bytes of a JSON document or a CSV table, which are read at once; the other forms have no end."""
PACKED: Mapping[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": open_zstandard,
}
LINES = (".jsonl", ".ndjson")
COLUMNAR = (".parquet", ".arrow")
TABLES = (".csv", ".tsv", *COLUMNAR)
ARCHIVE = ".zip"
ENDINGS = (*LINES, ".json", *TABLES, ARCHIVE)
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
NOT_EXAMPLES = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")


def ending(name: str) -> str:
    """What kind of file a name promises: the ending before ``.gz`` and its like.

    >>> ending("train.jsonl.xz"), ending("harmful.CSV"), ending("notes")
    ('.jsonl', '.csv', '')
    """
    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def read_file(
    path: Path,
    name: str,
    *,
    delimiter: str | None = None,
    field: str | None = None,
    by_hand: bool = True,
) -> Iterator[Row]:
    r"""The rows of one file, in its order: JSON Lines, JSON, CSV or parquet, also compressed.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "pairs.csv"
    >>> _ = path.write_text("prompt,response\n2 + 2?,4\n")
    >>> [(row.where, row.record) for row in read_file(path, "pairs.csv")]
    [('pairs.csv, line 2', {'prompt': '2 + 2?', 'response': '4'})]

    Args:
        path: the file.
        name: what complaints call it; its ending says what it is, and without one it is JSON
            Lines.
        delimiter: of a CSV file, where known.
        field: of a JSON document, the one that holds the records.
        by_hand: whether its reader can mend it: then a row that can't be read is an error, and
            else it comes with its fault.

    Raises:
        ExampleSetError: the file is not what its name says; the line is named.
        OSError: it can't be opened.
    """
    from modelrepair.examples import tables

    kind = ending(name)
    if kind in SPREADSHEETS:
        fail(name, "a spreadsheet, which is no text", "save it as CSV UTF-8")
    with path.open("rb") as stream:
        if stream.read(len(POINTER)) == POINTER:
            fail(name, "a Git LFS pointer: the file itself was not fetched", FETCH)
    if kind in COLUMNAR:
        yield from tables.columnar_rows(path, name)
        return
    if kind == ARCHIVE:
        yield from _members(path, name, by_hand)
        return
    opened: Callable[..., Any] = PACKED.get(Path(name.lower()).suffix, open)
    try:
        with opened(path, "rb") as stream:
            if kind == ".json":
                yield from json_rows(_whole(stream, path, name), name, field, by_hand=by_hand)
            elif kind in TABLES:
                delimiter = "\t" if kind == ".tsv" else delimiter
                data = _whole(stream, path, name)
                yield from tables.csv_rows(data, name, delimiter, by_hand=by_hand)
            else:
                yield from line_rows(stream, name, by_hand=by_hand)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's; what can't be unpacked has no number
        fail(name, f"can't be unpacked: {error}", "download or compress the file again")


def _members(path: Path, name: str, by_hand: bool) -> Iterator[Row]:
    """The rows of all files in an archive, in the order of their names."""

    def wanted(member: str) -> bool:
        parts = member.split("/")
        hidden = any(part.startswith((".", "_")) for part in parts)
        return ending(member) in ENDINGS and parts[-1] not in NOT_EXAMPLES and not hidden

    empty = True
    try:
        for member, unpacked in members(path, wanted):
            empty = False
            yield from read_file(unpacked, f"{name}/{member}", by_hand=by_hand)
    except ValueError as error:
        fail(name, f"can't be unpacked: {error}", "unpack it, and give the folder")
    if empty:
        fail(name, "an archive without a file of rows", f"it needs {', '.join(ENDINGS[:-1])}")


def _whole(stream: BinaryIO, path: Path, name: str) -> bytes:
    """All that is in a file, unless it is more than memory should hold."""
    # Asked before anything is read; a packed file says what it holds only as it is unpacked.
    small = path.stat().st_size <= LARGEST_FILE
    data = stream.read(LARGEST_FILE + 1) if small else b""
    if not small or len(data) > LARGEST_FILE:
        fail(
            name,
            f"larger than {in_bytes(LARGEST_FILE)}, which is as much as is read at once",
            "one example a line in a file that ends in .jsonl, or parquet, can be of any size",
        )
    return data


def line_rows(stream: BinaryIO, name: str, *, by_hand: bool = True) -> Iterator[Row]:
    """One JSON object a line; a byte order mark and Windows line ends do no harm.

    Raises:
        ExampleSetError: a line (named) that is no object, and it can be mended.
    """
    number = 0
    # Lines end at b"\n" alone: other line separators may occur in a JSON string.
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        where = f"{name}, line {number}"
        if len(line) > LONGEST_LINE:
            fail(
                where,
                f"longer than {in_bytes(LONGEST_LINE)}",
                "write one example a line; a JSON array belongs in a file that ends in .json",
            )
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line.strip():
            yield _row(where, partial(_parsed, line, where), by_hand)


def _row(where: str, read: Callable[[], Mapping[str, Any]], by_hand: bool) -> Row:
    """The record that is read here; where its reader can't mend it, the fault instead."""
    try:
        return Row(where, read())
    except ExampleSetError as error:
        if by_hand:
            raise
        return Row(where, {}, error)


def json_rows(
    data: bytes, name: str, field: str | None = None, *, by_hand: bool = True
) -> Iterator[Row]:
    r"""The records of a JSON document: an array of objects, or columns, or JSON Lines after all.

    >>> [row.record for row in json_rows(b'{"prompt": ["a", "b"], "response": ["c", "d"]}', "x")]
    [{'prompt': 'a', 'response': 'c'}, {'prompt': 'b', 'response': 'd'}]

    Raises:
        ExampleSetError: it is none of them.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        document = json.loads(_text(data, name))
    except (ValueError, RecursionError) as error:
        # Many a file of JSON Lines ends in .json: then a second object follows the first.
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            import io

            yield from line_rows(io.BytesIO(data), name, by_hand=by_hand)
            return
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        fail(f"{name}, line {line}", f"not JSON: {_reason(error)}", "check the file's end")
    if isinstance(document, dict):
        document = _records(document, field)
    if not isinstance(document, list):
        fail(name, f"{kind_of(document)}, expected an array of objects")
    for number, record in enumerate(document, 1):
        where = f"{name}, record {number}"
        yield _row(where, partial(_object, record, where), by_hand)


def _records(document: dict[str, Any], field: str | None) -> object:
    """Where in a JSON object the records are."""
    if field is not None:
        return document.get(field)
    values = list(document.values())
    if (
        len(values) == 1
        and isinstance(values[0], list)
        and document.keys().isdisjoint(CONVERSATIONS)
    ):
        return values[0] if all(isinstance(item, dict) for item in values[0]) else [document]
    lengths = {len(value) if isinstance(value, list) else -1 for value in values}
    if len(values) > 1 and len(lengths) == 1 and -1 not in lengths:
        return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
    return [document]


def _parsed(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        record = json.loads(_text(line, where))
    except (ValueError, RecursionError) as error:
        fail(where, f"not JSON: {_reason(error)}")
    return _object(record, where)


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if ", line " not in where:
            before = data.count(b"\n", 0, error.start)
            where = f"{where}, line {before + 1}"
        fail(where, "not UTF-8", "save the file as UTF-8")


def _reason(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "beyond the limits"


def _object(record: Any, where: str) -> Mapping[str, Any]:
    if isinstance(record, list):
        fail(where, "a JSON array, expected an object", "jq -c '.[]' makes lines of an array")
    if not isinstance(record, dict):
        fail(where, f"{kind_of(record)}, expected an object")
    return record
