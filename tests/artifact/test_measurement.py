"""A measurement that was saved: verdicts by the digests of prompts, and no text."""

from __future__ import annotations

import json

import pytest

from modelrepair.artifact.measurement import (
    Measurement,
    check_free,
    read_measurement,
    rows_of,
    write_measurement,
)
from modelrepair.artifact.records import AnswersRecord, JudgeRecord, Tool
from modelrepair.errors import UsageError
from modelrepair.evaluation.results import ExampleResult

DIGESTS = ["0" * 64, "1" * 64]
SAVED = Measurement(
    tool=Tool(version="1"),
    model="/home/me/models/mine",
    judge=JudgeRecord(name="keyword"),
    asked={"max_new_tokens": 128},
    answers=AnswersRecord(engine="vllm", model="/home/me/models/mine", route="completions"),
    rows=tuple(rows_of([ExampleResult("harmful", 1, "refusal")], {"harmful": DIGESTS})),
)


def test_it_is_read_as_it_was_written_and_holds_no_place(tmp_path):
    path = tmp_path / "before.json"
    write_measurement(path, SAVED)
    assert read_measurement(path) == SAVED
    assert (SAVED.rows[0].prompt, SAVED.rows[0].verdict) == ("1" * 64, "refusal")
    assert "/home" not in path.read_text()


def test_what_was_asked_for_its_kind_alone_or_not_judged_is_left_out():
    results = [
        ExampleResult("kinds", 0, "refusal", kind="how-to"),
        ExampleResult("utility", 0, None, 1, 2),
    ]
    assert rows_of(results, {"utility": ["0" * 64]}) == []


def test_nothing_is_replaced(tmp_path):
    path = tmp_path / "before.json"
    path.write_text("mine")
    for refused in (lambda: check_free(path), lambda: write_measurement(path, SAVED)):
        with pytest.raises(UsageError, match="is there already"):
            refused()
    with pytest.raises(UsageError, match="there is no folder 'nowhere'"):
        check_free(tmp_path / "nowhere" / "before.json")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "text",
    [
        None, "", "[]", "{}", "{", "\x00", '{"model": "m", "measures": {}}',
        json.dumps({**SAVED.model_dump(mode="json"), "more": 1}),
        json.dumps({**SAVED.model_dump(mode="json"), "rows": [{"set": "harmful"}]}),
    ],
)  # fmt: skip
def test_what_was_not_saved_so_is_refused(text, tmp_path):
    path = tmp_path / "before.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match="is no saved measurement") as refused:
        read_measurement(path)
    assert "--save" in refused.value.hint
