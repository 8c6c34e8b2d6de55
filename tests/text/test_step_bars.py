"""On a terminal: headings and a bar while it works, and afterwards nothing but the lines."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from modelrepair.progress import Progress
from modelrepair.text.step_bars import Bars

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Terminal(io.TextIOWrapper):
    """A terminal of an encoding, which holds what was written to it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="backslashreplace")

    def isatty(self) -> bool:
        return True

    @property
    def written(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def shown(stream: Terminal) -> list[str]:
    """What was drawn, line by line, without what moves and colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.written)
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "\n", plain).split("\n")]


def bars(stream: Terminal, width: int = 80, **more) -> Progress:
    return Progress(Bars(Console(file=stream, force_terminal=True, width=width, **more)))


def a_round(progress: Progress, note: str = "a word hf_abcdefghijk") -> None:
    """A round whose answers are under way, as the bars draw it last."""
    with (
        progress.step("contrast, round 3", round=3, rounds=41, seconds_left_most=720.0) as whole,
        progress.step("answers", 768, "answers") as advance,
    ):
        advance(384)
        whole.found(masked=0.015, harm=0.25)
        progress.note(note)


def test_what_is_done_of_what_and_the_line_that_stays():
    stream = Terminal()
    a_round(bars(stream))
    lines = shown(stream)
    assert "contrast, round 3 of at most 41, at most 12 min left to search" in lines
    assert any(re.match(r"answers +━+.* 50% 384/768 ", line) for line in lines)
    assert "a word hf_…" in lines
    assert "contrast, round 3 masks 1.5%: harm 0.250" in lines
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    stream = Terminal()
    progress = bars(stream, width)
    with progress.step("x" * 150, total=2) as advance, progress.step("y" * 150):
        advance(1)
        with progress.step("z" * 150, 4, "answers") as advance:
            advance(1)
    assert all(len(line) <= width for line in shown(stream) if "x" * 150 not in line)


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii"])
def test_a_console_of_windows_has_only_what_it_can_show(encoding):
    stream = Terminal(encoding)
    a_round(bars(stream), "a word")
    assert any(re.match(r"answers +-+.* 50% ", line) for line in shown(stream))
    assert "\\" not in stream.written


def test_no_colour_where_none_is_wanted(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    a_round(bars(stream))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", stream.written)


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_terminal_is_clean_afterwards(error):
    stream = Terminal()
    progress = bars(stream)
    try:
        with progress.step("outer"), progress.step("inner", 2) as advance:
            advance()
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    written = stream.written
    assert written.rindex(SHOW_CURSOR) > written.rindex(HIDE_CURSOR)
    # Nothing of the bars is drawn after the last line that stays but what takes them away.
    stays = "outer: 0 s" if error is None else "outer: stopped"
    assert written.rstrip().endswith(stays)
    with progress.step("again", total=1) as advance:
        advance()


def test_markup_in_a_name_is_text():
    stream = Terminal()
    progress = bars(stream)
    with progress.step("block [bold]1", total=2) as advance:
        advance(1)
    assert "block [bold]1: 0 s" in shown(stream)
