"""Off a terminal: one line a step, with its figures, and a sign of life in a long one."""

from __future__ import annotations

import io

import pytest

from modelrepair.progress import Progress
from modelrepair.text.step_lines import Lines


@pytest.fixture(name="lines")
def lines_fixture():
    stream, now = io.StringIO(), [0.0]
    progress = Progress(Lines(stream, clock=lambda: now[0]))
    return progress, now, lambda: stream.getvalue().splitlines()


def test_a_step_has_one_line_and_what_it_is_made_of_none(lines):
    progress, _, shown = lines
    with progress.step("source") as whole:
        with progress.step("teacher-forced measures", total=4) as advance:
            advance(4)
        with progress.step("answers", 4, "answers") as advance:
            advance(4)
        whole.found(harm=0.5, utility=1.0)
    assert shown() == ["source: harm 0.500, utility 1.000"]


def test_a_long_step_names_the_time_left_once_a_minute(lines):
    progress, now, shown = lines
    with (
        progress.step("contrast, round 3", round=3, rounds=40, seconds_left_most=600.0),
        progress.step("answers", total=200) as advance,
    ):
        for _ in range(200):
            now[0] += 1
            advance()
    *life, last = shown()
    assert life == [
        f"contrast, round 3 of at most 40, at most 10 min left to search: answers {part}"
        for part in ("30%, 2 min 20 s left of it", "60%, 1 min 20 s left of it",
                     "90%, 20 s left of it")
    ]  # fmt: skip
    assert last == "contrast, round 3: 0 s"


def test_a_step_that_fails_says_where(lines):
    progress, _, shown = lines
    with pytest.raises(ValueError, match="oh"), progress.step("writing", total=4) as advance:
        advance(1)
        raise ValueError("oh")
    assert shown() == ["writing: stopped at 25%"]


def test_notes_are_redacted_and_broken_between_words():
    stream = io.StringIO()
    Progress(Lines(stream, width=24)).note("one two three hf_abcdefghijk four five")
    assert stream.getvalue() == "one two three hf_… four\n  five\n"
