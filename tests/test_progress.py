"""Steps under the name of their model, and each warning once."""

from __future__ import annotations

import io

from modelrepair.cli.progress import Lines
from modelrepair.progress import Notes, Silent, Titled


def test_a_step_is_shown_under_the_name_of_its_model():
    stream = io.StringIO()
    titled = Titled(Lines(stream), "source")
    with titled.step("answers", total=4) as advance:
        advance(4)
    titled.note("a line")
    assert stream.getvalue() == "source: answers …\na line\n"


def test_a_warning_is_kept_once_and_in_order():
    notes = Notes()
    for line in ("b", "a", "b"):
        notes.warn(line)
    assert notes.warnings == ["b", "a"]


def test_nothing_is_shown_by_silence(capsys):
    with Silent().step("pass", total=2) as advance:
        advance()
        advance(0.5)
    Silent().note("a line")
    assert capsys.readouterr() == ("", "")
