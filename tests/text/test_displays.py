"""Which display it is: the terminal decides, and Python is silent without one."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from modelrepair.progress import Progress
from modelrepair.text import displays
from modelrepair.text.displays import display_of, own_display, progress_of
from modelrepair.text.step_bars import Bars
from modelrepair.text.step_lines import Lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "term", "kind"),
    [(Terminal(), "xterm", Bars), (Terminal(), "dumb", Lines), (io.StringIO(), "xterm", Lines)],
)
def test_the_terminal_decides(monkeypatch, stream, term, kind):
    monkeypatch.setenv("TERM", term)
    assert isinstance(display_of(stream), kind)


@pytest.mark.parametrize(
    ("stream", "notebook", "widgets", "kinds"),
    [
        (Terminal(), False, False, [Bars]),
        (io.StringIO(), False, True, []),
        (io.StringIO(), True, True, [Bars]),
        (io.StringIO(), True, False, [Lines]),
    ],
)
def test_python_shows_it_in_a_terminal_and_in_a_notebook(
    monkeypatch, stream, notebook, widgets, kinds
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Console, "is_jupyter", notebook, raising=False)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: notebook)
    found = object() if widgets else None
    monkeypatch.setattr(displays.importlib.util, "find_spec", lambda name: found)
    assert [type(each) for each in own_display(stream)] == kinds


def test_what_a_caller_gives():
    events = []
    progress_of(events.append).note("a line")
    assert [event.text for event in events] == ["a line"]
    own = Progress()
    assert progress_of(own) is own


@pytest.mark.parametrize("given", [None, "auto"])
def test_silence_is_silent_and_so_is_a_program_without_a_terminal(monkeypatch, given):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress_of(given).note("a line")
    assert sys.stderr.getvalue() == ""
