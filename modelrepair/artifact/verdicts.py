"""The measured examples on disk: one line each, and the measures must add up to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from modelrepair.artifact.records import ModelRole
from modelrepair.checkpoint.atomic import write_text
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.errors import DamagedCheckpointError, ModelRepairError
from modelrepair.evaluation.results import REPORT_SETS, AnswerVerdict, ExampleResult

VERDICTS_LIMIT = 8 * 2**20
"""Bytes of all rows; 20,000 examples have fewer."""
LINE_LIMIT = 16 * 2**10
LANGUAGE = re.compile("[a-z]{2,3}")
LARGEST_LOSS = 1e39
"""No difference of two numbers of float32 is larger."""
VERDICTS_NAME = "repair/verdicts.jsonl"
LONGEST_NAME = 64
"""Letters of a kind's name, with that of its set where two sets have one."""
OF_ROW = ("set", "index", "kind")
_ROLES: tuple[ModelRole, ...] = ("before", "reference", "after")

Results = Mapping[ModelRole, Sequence[ExampleResult]]


def write_verdicts(path: Path, results: Results) -> str:
    """Write what every model did with every example; return the file's SHA-256.

    >>> write_verdicts(path, {"before": before, "after": after})  # doctest: +SKIP

    Args:
        path: the file to write.
        results: per model its results; examples are matched by set and index.

    Raises:
        ModelRepairError: an example stands twice in one model's results.
        ResourceError: the disk is full, or the folder can't be written.
    """
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for role in _ROLES:
        for result in results.get(role, ()):
            key = (REPORT_SETS.index(result.set), result.index)
            row = rows.setdefault(key, {"set": result.set, "index": result.index})
            if result.kind is not None:
                row["kind"] = result.kind
            if role in row:
                raise ModelRepairError(
                    f"example {result.index} of set {result.set!r} was measured twice",
                    hint="this is a bug: every result needs its own pair of set and index",
                )
            fields = asdict(result)
            row[role] = {
                name: value
                for name, value in fields.items()
                if name not in OF_ROW and value is not None
            }
    lines = (json.dumps(rows[key], allow_nan=False) + "\n" for key in sorted(rows))
    return write_text(path, "".join(lines))


def read_verdicts(path: Path) -> dict[ModelRole, list[ExampleResult]]:
    """Read the results of every model back.

    >>> read_verdicts(path)["after"][0].verdict  # doctest: +SKIP
    'refusal'

    Raises:
        DamagedCheckpointError: a line that `write_verdicts` can't have written.
    """
    results: dict[ModelRole, list[ExampleResult]] = {}
    data = read_file(path.parent, path.name, VERDICTS_LIMIT)
    if data is None:
        raise DamagedCheckpointError(
            f"{path.name} can't be read: no such file", hint="fetch the file again"
        )
    last, at, number = (-1, -1), 0, 0
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        number += 1
        try:
            if end - at > LINE_LIMIT:
                raise ValueError(f"over {LINE_LIMIT:,} bytes")
            row = parse_json(data[at:end], f"line {number}", strict=True)
            last = _read_row(row, last, results)
        except (KeyError, ValueError, TypeError, AttributeError, DamagedCheckpointError) as error:
            raise DamagedCheckpointError(
                f"{path.name}, line {number}: {str(error)[:200]}",
                hint="fetch the file again, and compare its digest with the manifest's",
            ) from None
        at = end
    if not results:
        raise DamagedCheckpointError(f"{path.name} holds no example", hint="fetch the file again")
    return results


def _read_row(
    row: dict[str, Any], last: tuple[int, int], results: dict[ModelRole, list[ExampleResult]]
) -> tuple[int, int]:
    """Add a row's results; give its key, which the next row's must follow."""
    name, index, kind = row.pop("set"), row.pop("index"), row.pop("kind", None)
    if kind is not None and not (isinstance(kind, str) and 0 < len(kind) <= LONGEST_NAME):
        raise ValueError("a kind is a short name")
    if name not in REPORT_SETS or type(index) is not int or index < 0:
        raise ValueError(f"no example is named {name!r}, {index!r}")
    key = (REPORT_SETS.index(name), index)
    if key <= last:
        raise ValueError(f"example {index} of {name} stands twice, or out of order")
    if not row:
        raise ValueError("no model's result")
    for role, fields in row.items():
        if role not in _ROLES:
            raise ValueError(f"{role!r} is none of {', '.join(_ROLES)}")
        result = ExampleResult(name, index, **{"verdict": None, **fields}, kind=kind)
        if result.verdict is not None and result.verdict not in get_args(AnswerVerdict):
            raise ValueError(f"{result.verdict!r} is no verdict")
        _check_figures(result)
        results.setdefault(role, []).append(result)
    return key


def _check_figures(result: ExampleResult) -> None:
    counts = (result.hits, result.counted)
    if any(count is not None and (type(count) is not int or count < 0) for count in counts):
        raise ValueError("hits and counted are counts")
    if (result.hits or 0) > (result.counted or 0):
        raise ValueError("more hits than were counted")
    if any(
        type(flag) not in (bool, type(None)) for flag in (result.exact, result.unfinished_thought)
    ):
        raise ValueError("exact and unfinished_thought are true or false")
    if result.language is not None and not LANGUAGE.fullmatch(result.language):
        raise ValueError("language is a code of a few letters")
    loss = result.loss
    if loss is not None and (type(loss) not in (int, float) or not 0 <= loss <= LARGEST_LOSS):
        raise ValueError("loss is a number from 0 on")
