"""Bars on a terminal, few lines elsewhere, one document with --json."""

from __future__ import annotations

import contextlib
import io
import json
import os

import pytest
from rich.console import Console

from modelrepair import errors
from modelrepair.cli.output import Output
from modelrepair.cli.progress import Bars, Lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_show_the_step_and_the_time_left():
    stream = Terminal()
    bars = Bars(Console(file=stream, force_terminal=True, width=100))
    with bars.step("pass", total=4) as outer, bars.step("block [1]", total=2) as inner:
        inner(2)
        outer(2)
        bars.note("a word hf_abcdefghijk")
    text = stream.getvalue()
    assert "pass" in text
    assert "block [1]" in text
    assert "a word hf_…" in text
    assert "0%" in text


def test_bars_end_when_the_step_fails():
    bars = Bars(Console(file=Terminal(), force_terminal=True))
    with pytest.raises(ValueError, match="oh"), bars.step("pass", total=4):
        raise ValueError("oh")
    with bars.step("again", total=1) as advance:
        advance()


def test_the_terminal_decides(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(Output(stderr=Terminal()).progress(), Bars)
    assert isinstance(Output(stderr=io.StringIO()).progress(), Lines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(Output(stderr=Terminal()).progress(), Lines)


def test_json_has_no_nan_and_no_token():
    stream = io.StringIO()
    document = {"value": float("nan"), "list": [float("inf"), 1.5], "text": "hf_abcdefghijkl"}
    Output(json_mode=True, stdout=stream).result(document, "not shown")
    assert json.loads(stream.getvalue()) == {"value": None, "list": [None, 1.5], "text": "hf_…"}


def test_markup_is_shown_as_it_is():
    stream = io.StringIO()
    Output(stdout=stream).result({}, "[bold]not bold[/bold]")
    assert stream.getvalue() == "[bold]not bold[/bold]\n"


def test_a_reader_that_has_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        output = Output(stdout=stream)
        output.result({}, "not read")
        output.result({}, "nor this")


def test_complaints_to_a_closed_stderr_are_dropped():
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    Output(stderr=stream).note("not read")
    with contextlib.suppress(BrokenPipeError):
        stream.close()


@pytest.mark.parametrize("flag", ["--json", "--debug"])
def test_tokens_never_show(api, call, monkeypatch, flag):
    monkeypatch.setenv("HF_TOKEN", "my-odd-secret")
    api.answers["repair"] = errors.HubError(
        "401 for hf_abcdefGHIJKL and my-odd-secret", hint="log in, hf_abcdefGHIJKL is old"
    )
    result = call("fix", "user/model", flag)
    for secret in ("hf_abcdef", "my-odd-secret"):
        assert secret not in result.out + result.err
    assert "hf_…" in result.err
