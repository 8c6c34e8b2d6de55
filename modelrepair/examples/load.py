"""Example sets: from a file, a folder, the Hub or a registered name to checked examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from modelrepair.errors import ExampleSetError
from modelrepair.examples.columns import alternates, example_of, is_preference
from modelrepair.examples.example import Example, ExampleSet, Message, make_set
from modelrepair.examples.filters import Filter, check_columns
from modelrepair.examples.formats import COLUMNAR, ENDINGS, NOT_EXAMPLES, ending, read_file
from modelrepair.examples.row import Row
from modelrepair.plugin.names import SetName
from modelrepair.source.suggestions import did_you_mean, near_paths
from modelrepair.text.typed_paths import from_home

__all__ = ["Example", "ExampleSet", "Message", "SetReading", "load_set", "make_set", "read_set"]

LOOKED_AT = 1000
"""Rows in which a column has to stand at least once."""


@dataclass(frozen=True)
class SetReading:
    """How the rows of a set are read.

    >>> SetReading(columns={"prompt": "goal"}, filters=("kind=a",), limit=100).limit
    100

    Args:
        columns: field → column; what is not named is detected.
        filters: ``column=value``; only rows in which all hold are taken.
        limit: the most examples that are taken, in the order of the rows.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    filters: tuple[str, ...] = ()
    limit: int | None = None


@dataclass
class SetOrigin:
    """The rows of a set before they are read, and what is known of where they come from.

    ``by_hand`` says that their author can repair a line: then a line that does not
    fit is an error, while a row of a published set is left out and counted.
    """

    id: str
    rows: Iterable[Row]
    by_hand: bool = True
    commit: str | None = None
    licence: str | None = None


def load_set(
    path: str | Path,
    name: SetName,
    *,
    reading: SetReading | None = None,
    answers: bool | None = None,
    by_hand: bool = True,
) -> ExampleSet:
    r"""Read one set from a file or a folder of files: JSON Lines, JSON, CSV or parquet.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "utility.jsonl").write_text('{"prompt": "2 + 2?", "response": "4"}\n')
    >>> load_set(folder / "utility.jsonl", "utility").examples[0].response
    '4'

    A row is ``{"prompt", "response"}``, ``{"messages": [{"role", "content"}, …]}`` or another of
    the forms in docs/example-sets.md; ``"exact": true`` is optional, other columns are ignored.

    Args:
        path: the file, or a folder of them.
        name: the role that its examples have.
        reading: columns, filters and limit.
        answers: True: every row needs an answer. False: none does. Default: either all rows
            have one or none, except in a borderline set, where each may do without.
        by_hand: whether its reader can mend a line, as for `SetOrigin`.

    Raises:
        ExampleSetError: a file can't be read, is empty, or a row (named) is not as above.
    """
    origin = _local(Path(path), name, by_hand)
    return read_set(origin, name, reading or SetReading(), answers=answers)


def read_set(
    origin: SetOrigin, name: SetName, reading: SetReading, *, answers: bool | None = None
) -> ExampleSet:
    """Read a set from its rows, wherever they come from; see `load_set`.

    Raises:
        ExampleSetError: as `load_set`; a filter lets nothing through; a column isn't there.
    """
    rows = iter(origin.rows)
    head = list(islice(rows, LOOKED_AT))
    readable = [row for row in head if row.fault is None]
    there = list(dict.fromkeys(key for row in readable for key in row.record))
    chosen = Filter(reading.filters)
    if readable:
        check_columns(origin.id, reading.columns.values(), there)
        check_columns(origin.id, chosen.wanted, there)
    taken: list[tuple[Row, Example]] = []
    faults: list[ExampleSetError] = []
    preference = matched = False
    for row in chain(head, rows):
        if row.fault is not None:
            faults.append(row.fault)
            continue
        if not chosen.takes(row.record):
            continue
        matched = True
        try:
            taken.append((row, _example(row, reading.columns, name, origin.by_hand)))
            preference = preference or is_preference(row.record, reading.columns)
        except ExampleSetError as error:
            if origin.by_hand:
                raise
            faults.append(error)
        if len(taken) == reading.limit:
            break
    if readable and not matched:
        raise chosen.complain(origin.id)
    if answers is None and name != "borderline":
        taken, more = _all_or_none(taken, origin.by_hand)
        faults += more
    for row, example in taken if answers else ():
        if example.response is None:
            row.fail("there is no answer")
    if len(faults) > len(taken):
        raise ExampleSetError(
            f"{origin.id}: {len(faults)} of {len(faults) + len(taken)} rows can't be used; first "
            f"{faults[0]}",
            hint=faults[0].hint,
            id=faults[0].id,
        )
    return replace(
        make_set(name, origin.id, (example for _, example in taken)),
        commit=origin.commit,
        licence=origin.licence,
        preference=preference,
        faults=tuple(map(str, faults)),
    )


def _example(row: Row, columns: Mapping[str, str], name: SetName, by_hand: bool) -> Example:
    example = example_of(row, columns, name)
    # Most templates refuse such a conversation, and a published set can't be mended.
    if not by_hand and not alternates(example):
        row.fail("user and assistant do not take turns")
    return example


def _all_or_none(
    taken: list[tuple[Row, Example]], by_hand: bool
) -> tuple[list[tuple[Row, Example]], list[ExampleSetError]]:
    """A set has answers or is one of prompts; what stands between is a mistake somewhere."""
    answered = [(row, example) for row, example in taken if example.response is not None]
    if len(answered) in (0, len(taken)):
        return taken, []
    faults = []
    for row, example in taken:
        if example.response is None:
            try:
                row.fail("there is no answer")
            except ExampleSetError as error:
                if by_hand:
                    raise
                faults.append(error)
    return answered, faults


def _local(path: Path, name: SetName, by_hand: bool) -> SetOrigin:
    """A file, or all files of a folder that hold rows."""
    path = from_home(path)
    try:
        files = _files(path)
        if not files:
            raise ExampleSetError(
                f"the folder {path.name} holds no example sets",
                hint=f"it needs files that end in {', '.join(ENDINGS)}",
                id="set-empty",
            )
        # Opened now, so that a missing file is reported as such, and not as a fault of a row.
        with files[0].open("rb"):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        near = near_paths(path, files=True) if isinstance(error, FileNotFoundError) else []
        raise ExampleSetError(
            f"{path}: the {name} set can't be read: {reason}",
            hint=did_you_mean(near).strip() or "check the path",
            id="set-not-found",
        ) from None
    by_hand = by_hand and all(ending(file.name) not in COLUMNAR for file in files)
    return SetOrigin(path.resolve().name, _rows(path, files, by_hand), by_hand)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / "dataset_dict.json").is_file():
        path = _split(path)
    return sorted(
        file
        for file in path.rglob("*")
        if ending(file.name) in ENDINGS
        and file.name not in NOT_EXAMPLES
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )


def _split(path: Path) -> Path:
    """The one split, or "train", of what ``save_to_disk`` wrote of several."""
    splits = sorted(each.parent.name for each in path.glob("*/state.json"))
    if len(splits) != 1 and "train" not in splits:
        raise ExampleSetError(
            f"the folder {path.name} holds several splits: {', '.join(splits)}",
            hint=f"give one of them: {path / (*splits, '…')[0]}",
            id="set-split",
        )
    return path / (splits[0] if len(splits) == 1 else "train")


def _rows(path: Path, files: Iterable[Path], by_hand: bool) -> Iterator[Row]:
    for file in files:
        shown = file.relative_to(path).as_posix() if path.is_dir() else file.name
        yield from read_file(file, shown, by_hand=by_hand)
