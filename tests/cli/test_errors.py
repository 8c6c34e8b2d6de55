"""Whatever goes wrong: two lines, the right exit code, and no token."""

from __future__ import annotations

import errno
import pickle
import re
import traceback

import pytest

from modelrepair import errors
from modelrepair.cli.errors import explain


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.GateError("not passed", hint="h"), 1, "not passed"),
        (errors.UsageError("no scorer", hint="h"), 2, "no scorer"),
        (errors.HubError("no network", hint="h"), 3, "no network"),
        (errors.ResourceError("no disk", hint="h"), 4, "no disk"),
        (errors.PluginError("failed", hint="h"), 5, "failed"),
        (errors.DamagedCheckpointError("cut\nshort", hint="h"), 6, "cut short"),
        (errors.RepairInterrupted("stopped", hint="h"), 130, "stopped"),
        (errors.ModelRepairError("ours", hint="h"), 70, "ours"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 4, "out of memory"),
        (OutOfMemoryError("CUDA out of memory"), 4, "out of memory: CUDA"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), 4, "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 4, "out of memory"),
        (OSError(errno.ENOSPC, "No space left", "/x"), 4, "disk full at /x"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 4, "not allowed at /x"),
        (ZeroDivisionError("division by zero"), 70, "unexpected ZeroDivisionError: division"),
        (OSError("odd"), 70, "unexpected OSError: odd"),
    ],
)
def test_every_error_has_a_line_a_hint_and_a_code(api, call, error, code, message):
    api.answers["repair"] = error
    result = call("fix", "user/model")
    assert result.code == code
    assert result.out == ""
    lines = [line for line in result.err.splitlines() if line]
    assert len(lines) == 2
    assert lines[0].startswith(f"Error: {message}")
    document = call("fix", "user/model", "--json").json
    assert re.fullmatch(rf"Hint \[{document['error']['id']}\]: .+", lines[1])
    assert document["error"]["exit_code"] == code
    assert document["error"]["message"].startswith(message)


def test_the_traceback_comes_with_debug_only(api, call):
    api.answers["repair"] = ZeroDivisionError("division by zero")
    assert "Traceback" not in call("fix", "user/model").err
    assert "Traceback" in call("fix", "user/model", "--debug").err


def test_a_hint_stands_once(api, call):
    api.answers["repair"] = errors.HubError("no network", hint="plug it in")
    assert call("fix", "user/model", "--debug").err.count("plug it in") == 1


def test_interrupted_says_how_to_go_on():
    assert explain(KeyboardInterrupt()).hint == "run the same command to go on"


def test_no_command_at_all(call):
    assert call().code == 2
    assert call("fixx", "--json").json["error"]["message"].startswith("no such command 'fixx'")


def test_a_traceback_ends_with_the_hint():
    error = errors.UsageError("no scorer named 'wnada'", hint="did you mean 'wanda'?")
    assert traceback.format_exception(error)[-1] == "Hint [usage]: did you mean 'wanda'?\n"
    error.add_note("seen twice")
    error.hint = "see the list"
    assert traceback.format_exception(error)[-2:] == [
        "seen twice\n",
        "Hint [usage]: see the list\n",
    ]
    assert pickle.loads(pickle.dumps(error)).__notes__ == error.__notes__
    assert errors.UsageError("a path", hint="").__notes__ == []
