"""Results on stdout, the rest on stderr; one document with --json."""

from __future__ import annotations

import contextlib
import io
import json
import os

import pytest

from modelrepair import errors
from modelrepair.cli.output import Output


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
