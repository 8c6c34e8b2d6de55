"""The measured examples on disk: one line each, and the measures must add up to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from modelrepair.checkpoint.writer import write_text
from modelrepair.errors import DamagedCheckpointError, ModelRepairError
from modelrepair.measure.results import MEASURED_SETS, AnswerVerdict, ExampleResult
from modelrepair.publish.manifest import ModelRole

VERDICTS_NAME = "repair/verdicts.jsonl"
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
            key = (MEASURED_SETS.index(result.set), result.index)
            row = rows.setdefault(key, {"set": result.set, "index": result.index})
            if role in row:
                raise ModelRepairError(
                    f"example {result.index} of set {result.set!r} was measured twice",
                    hint="this is a bug: every result needs its own pair of set and index",
                )
            fields = asdict(result)
            row[role] = {
                name: value
                for name, value in fields.items()
                if name not in ("set", "index") and value is not None
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
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    _read_row(json.loads(line), results)
                except (ValueError, TypeError, AttributeError, RecursionError) as error:
                    raise DamagedCheckpointError(
                        f"{path.name}, line {number}: {error}",
                        hint="fetch the file again, and compare its digest with the manifest's",
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedCheckpointError(
            f"{path.name} can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}",
            hint="fetch the file again",
        ) from None
    return results


def _read_row(row: dict[str, Any], results: dict[ModelRole, list[ExampleResult]]) -> None:
    name, index = row.pop("set"), row.pop("index")
    if name not in MEASURED_SETS or type(index) is not int:
        raise ValueError(f"no example is named {name!r}, {index!r}")
    for role, fields in row.items():
        if role not in _ROLES:
            raise ValueError(f"{role!r} is none of {', '.join(_ROLES)}")
        result = ExampleResult(name, index, **{"verdict": None, **fields})
        if result.verdict is not None and result.verdict not in get_args(AnswerVerdict):
            raise ValueError(f"{result.verdict!r} is no verdict")
        if not all(
            isinstance(value, int | float | None)
            for value in (
                result.hits,
                result.counted,
                result.loss,
                result.exact,
                result.unfinished_thought,
            )
        ):
            raise ValueError("hits, counted, loss, exact and unfinished_thought are numbers")
        results.setdefault(role, []).append(result)
