"""Rows of tables: CSV as spreadsheets write it, parquet and Arrow."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from modelrepair.errors import ExampleSetError, one_line
from modelrepair.examples.row import BYTE_ORDER_MARK, Row, fail

DELIMITERS = (",", ";", "\t")
"""Spreadsheets of some countries write the second."""


def csv_rows(
    data: bytes, name: str, delimiter: str | None = None, *, by_hand: bool = True
) -> Iterator[Row]:
    r"""The rows of a CSV file with a header; cells stay text, and an empty one is None.

    >>> [row.record for row in csv_rows(b"prompt;response\r\nHow?;So.\r\n", "a.csv")]
    [{'prompt': 'How?', 'response': 'So.'}]

    Args:
        data: the whole file, UTF-8 with or without a byte order mark.
        name: what complaints call it.
        delimiter: what separates cells; default: what the header has most of.
        by_hand: as for `read_file`.

    Raises:
        ExampleSetError: not UTF-8, or a row (named by its line) that the header doesn't fit.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fail(f"{name}, line {line}", "not UTF-8", "save the file as UTF-8 (CSV UTF-8)")
    if delimiter is None:
        header = text.partition("\n")[0]
        delimiter = max(DELIMITERS, key=header.count)
    # Answers may be longer than the module's default limit, and that limit is its only one.
    limit = csv.field_size_limit(sys.maxsize)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = _lines(reader)
        names = next(rows, (1, []))[1]
        twice = sorted(each for each, count in Counter(names).items() if count > 1)
        if twice:
            fail(f"{name}, line 1", f"two columns are named {twice[0]!r}", "rename one of them")
        for line, cells in rows:
            if len(cells) != len(names):
                wrong = ExampleSetError(
                    f"{name}, line {line}: {len(cells)} cells, the header has {len(names)}",
                    hint="put texts with a comma, a quote or a line end in double quotes",
                    id="set-malformed",
                )
                if by_hand:
                    raise wrong
                yield Row(f"{name}, line {line}", {}, wrong)
                continue
            yield Row(f"{name}, line {line}", dict(zip(names, _filled(cells), strict=True)))
    except csv.Error as error:
        fail(f"{name}, line {reader.line_num}", f"no CSV: {error}", "check the quotes of this line")
    finally:
        csv.field_size_limit(limit)


def columnar_rows(path: Path, name: str) -> Iterator[Row]:
    """The rows of a parquet or Arrow file; labels that ``datasets`` wrote as numbers get names.

    Raises:
        ExampleSetError: it is no whole file of its kind.
        OSError: it can't be opened.
    """
    import pyarrow

    kind = "parquet" if name.lower().endswith(".parquet") else "Arrow"
    with path.open("rb") as stream:
        try:
            schema, batches = (_parquet if kind == "parquet" else _arrow)(stream)
            labels = _labels(schema.metadata or {})
            number = 0
            for batch in batches:
                for record in batch.to_pylist():
                    number += 1
                    yield Row(f"{name}, row {number}", _named(record, labels))
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
            line = one_line(error, 160)
            fail(name, f"no whole {kind} file: {line}", "download or write the file again")


def _parquet(stream: BinaryIO) -> tuple[Any, Iterable[Any]]:
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(stream)
    return file.schema_arrow, file.iter_batches(batch_size=1024)


def _arrow(stream: BinaryIO) -> tuple[Any, Iterable[Any]]:
    """A stream, as ``save_to_disk`` writes it, or a file that begins with the format's name."""
    import pyarrow

    if stream.read(6) == b"ARROW1":
        file = pyarrow.ipc.open_file(stream)
        return file.schema, (file.get_batch(number) for number in range(file.num_record_batches))
    stream.seek(0)
    reader = pyarrow.ipc.open_stream(stream)
    return reader.schema, reader


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, with the line that each begins at."""
    line = 1
    for cells in reader:
        if any(cells):
            yield line, cells
        line = reader.line_num + 1


def _filled(cells: Sequence[str]) -> list[str | None]:
    return [cell or None for cell in cells]


def _labels(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Column → the names of its labels, as the ``datasets`` library notes them in a file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict)
            and feature.get("_type") == "ClassLabel"
            and isinstance(feature["names"], list)
        }
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _named(record: dict[str, Any], labels: Mapping[str, list[str]]) -> dict[str, Any]:
    for column, names in labels.items():
        value = record.get(column)
        if isinstance(value, int) and 0 <= value < len(names):
            record[column] = names[value]
    return record
