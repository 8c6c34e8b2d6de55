"""A measurement that was saved: which verdict each prompt's answer got, and how it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from modelrepair.artifact.records import (
    AnswersRecord,
    JudgeRecord,
    Plain,
    Record,
    Sha256,
    Text,
    Tool,
)
from modelrepair.checkpoint.atomic import write_json
from modelrepair.checkpoint.untrusted import parse_json, read_file
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.evaluation.results import AnswerVerdict, ExampleResult
from modelrepair.plugin.names import MeasuredSet

FORMAT: Literal["modelrepair measurement"] = "modelrepair measurement"
LIMIT = 64 * 2**20
"""Bytes of a file; 20,000 prompts take a tenth."""


class MeasuredRow(Record):
    """One prompt, by its digest, and what became of its answer; never a text."""

    set: MeasuredSet
    prompt: Sha256
    verdict: AnswerVerdict
    exact: bool | None = None
    unfinished_thought: bool | None = None
    language: str | None = None


class Measurement(Record):
    """What `modelrepair.measure` saves of one model.

    >>> Measurement.model_validate_json(path.read_text()).model  # doctest: +SKIP
    'user/model'
    """

    format: Literal["modelrepair measurement"] = FORMAT
    version: Literal[1] = 1
    tool: Tool
    model: Text
    template: Text | None = None
    """The chat template in place of the model's own."""
    judge: JudgeRecord
    asked: dict[str, Plain]
    """How long answers might be; see `asking`."""
    answers: AnswersRecord
    rows: tuple[MeasuredRow, ...]


def rows_of(
    results: Sequence[ExampleResult], prompts: Mapping[MeasuredSet, Sequence[str]]
) -> list[MeasuredRow]:
    """The judged results of a measurement, as they are saved.

    >>> rows_of([ExampleResult("harmful", 0, "refusal")], {"harmful": ["1f" * 32]})[0].verdict
    'refusal'

    Args:
        results: of one model.
        prompts: the digests of the prompts of each set, in the order of their indices.
    """
    return [
        MeasuredRow(
            set=each.set,
            prompt=prompts[each.set][each.index],
            verdict=each.verdict,
            exact=each.exact,
            unfinished_thought=each.unfinished_thought,
            language=each.language,
        )
        for each in results
        if each.verdict is not None and each.set != "kinds" and each.set != "text"
    ]


def check_free(path: Path) -> None:
    """Refuse a place where a measurement can't be saved, before anything is asked.

    >>> check_free(Path("before.json"))

    Raises:
        UsageError: something lies there, or there is no such folder.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(
            f"{path.name!r} is there already, and a measurement replaces nothing",
            hint="choose another name for --save, or remove the file",
            id="output-in-the-way",
        )
    if not path.absolute().parent.is_dir():
        raise UsageError(
            f"there is no folder {path.absolute().parent.name!r} for {path.name!r}",
            hint="make it, or choose another place for --save",
            id="no-such-folder",
        )


def write_measurement(path: Path, measurement: Measurement) -> None:
    """Save a measurement, whole or not at all.

    >>> write_measurement(Path("before.json"), measurement)  # doctest: +SKIP

    Raises:
        UsageError: as `check_free`.
        ResourceError: the disk is full, or the folder can't be written.
    """
    check_free(path)
    write_json(path, measurement.model_dump(mode="json"))


def read_measurement(path: Path) -> Measurement:
    """Read a measurement back.

    >>> read_measurement(Path("before.json")).judge.name  # doctest: +SKIP
    'keyword'

    Raises:
        UsageError: there is no such file, or `write_measurement` did not write it.
    """
    problem = "there is no such file"
    try:
        data = read_file(path.absolute().parent, path.name, LIMIT)
        if data is not None:
            document: Any = parse_json(data, path.name, strict=True)
            problem = "`modelrepair measure --save` did not write it"
            return Measurement.model_validate(document)
    except DamagedCheckpointError as error:
        problem = str(error)
    except ValidationError:
        pass
    raise UsageError(
        f"{path.name!r} is no saved measurement: {problem}",
        hint="save one with `modelrepair measure MODEL … --save FILE`, or give the address of a "
        "server, such as http://127.0.0.1:8000/v1",
        id="no-measurement",
    )
