"""Eighty columns: tables keep their figures whole, lines break between words, commands never."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from modelrepair.cli.output import Output
from modelrepair.text.wrapping import width_of, wrapped

ADDRESS = "https://huggingface.co/someone1/" + "a-very-long-name-of-a-model-" * 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_figures_are_whole_in_any_width(monkeypatch):
    for columns in (20, 40, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        stream = io.StringIO()
        table = Table("measure", "source", "where")
        table.columns[1].no_wrap = True
        table.add_row("harmful score of all", "0.942  n=256\n[0.906, 0.965]", ADDRESS)
        Output(stdout=stream).result({}, table)
        assert "[0.906, 0.965]" in stream.getvalue()
        assert ADDRESS in stream.getvalue()


def test_errors_and_notes_break_between_words(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    output = Output(stderr=stream)
    output.note(f"looked for it at {ADDRESS} and found nothing there")
    output.progress().note("one two three four five six seven eight nine ten")
    lines = stream.getvalue().splitlines()
    assert f"  {ADDRESS}" in lines
    assert all(len(line) <= 40 for line in lines if ADDRESS not in line)
    assert " ".join(stream.getvalue().split()).endswith("six seven eight nine ten")


@pytest.mark.parametrize(
    "command",
    [
        "modelrepair push out --to me/mine",
        "modelrepair verify refs --revision 'a b'",
        "hf auth login --force",
    ],
)
def test_a_command_stays_on_one_line(command):
    text = f"the connection broke; finish it with: {command}"
    assert any(line.endswith(command) for line in wrapped(text, 44).splitlines())
    quoted = f"see `{command}` for more of this"
    assert any(f"`{command}`" in line for line in wrapped(quoted, 50).splitlines())


def test_a_line_off_the_terminal_has_no_end(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width_of(io.StringIO()) is None
    assert width_of(Terminal()) == 80
    monkeypatch.setenv("COLUMNS", "72")
    assert width_of(io.StringIO()) == 72


def test_no_colours_off_the_terminal_and_none_with_no_color(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    table = Table("measure", header_style="bold red")
    table.add_row("x")
    for stream, no_color in ((io.StringIO(), None), (Terminal(), "1")):
        monkeypatch.delenv("NO_COLOR", raising=False)
        if no_color:
            monkeypatch.setenv("NO_COLOR", no_color)
        Output(stdout=stream).result({}, table, "a line")
        assert "\x1b[31m" not in stream.getvalue()
        assert "31" not in stream.getvalue()


def test_a_line_that_fits_keeps_its_columns():
    line = "Source     user/model at 0123456789ab: language model"
    assert wrapped(f"{line}\n{' ' * 11}1.8 MB", 80) == f"{line}\n{' ' * 11}1.8 MB"
