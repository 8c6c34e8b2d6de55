"""A terminal or file that can't hold a character: it is printed as its escape."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from modelrepair import load_manifest
from modelrepair.cli.main import COMMANDS, run
from modelrepair.demo import paths
from modelrepair.progress import Progress
from modelrepair.text import narrow as plain
from modelrepair.text.step_bars import Bars
from modelrepair.text.step_lines import Lines

NAME = "模型 naïve"
NARROW = ["ascii", "cp1252", "cp437"]
"""What pipes and files have on Windows, western and of an old console, and the least."""
NO_TEXT = os.fsdecode("模型".encode() + b"\xe8")


class Narrow(io.TextIOWrapper):
    """A stream of an encoding, of which the bytes can be asked."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def written(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(params=NARROW)
def narrow(request, monkeypatch, tmp_path):
    """Runs a command with streams that hold little, in a folder with a model of many letters."""
    monkeypatch.chdir(tmp_path)
    for name in (NAME, NO_TEXT):
        shutil.copytree(paths.attacked, name)

    def call(*arguments):
        streams = Narrow(request.param), Narrow(request.param)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", streams[0])
            patched.setattr(sys, "stderr", streams[1])
            code = run(arguments)
        return code, *(stream.written() for stream in streams)

    return call


REALIGN = f"--realign={paths.sets['realign']}"
GROUPS = {
    "scorers": ("list", "show"), "repairers": ("list", "show"), "plugins": ("list", "check", "new")
}  # fmt: skip


@pytest.mark.parametrize("encoding", NARROW)
def test_help_of_every_command(encoding, monkeypatch):
    """The marks of our own texts become plain: no escape is left in them."""
    of_groups = [(group, each) for group, names in GROUPS.items() for each in names]
    for arguments in ((), *((name,) for name in COMMANDS), *of_groups):
        stream = Narrow(encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        assert run([*arguments, "--help"]) == 0
        said = stream.written()
        assert "Usage: modelrepair" in said
        assert not re.search(r"\\u[0-9a-f]{4}", said), said


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        (["scorers", "list"], 0, "wanda"),
        (["scorers", "show", "contrast"], 0, "contrast"),
        (["repairers", "list"], 0, "repairers"),
        (["plugins", "list"], 0, "modelrepair"),
        (["plugins", "new", "zz-rule", "--out", f"{NAME} new"], 0, "Written to"),
        (["plan", str(paths.attacked), REALIGN, "--details"], 0, "commit"),
        (["audit", NAME], 7, "compared with nothing"),
        (["scorers", "show", "wnada"], 2, "did you mean"),
        (["push", "nowhere"], 2, "Error: "),
        (["attest", NAME], 6, "Error: "),
    ],
)
@pytest.mark.quick("*cp437*")
def test_what_commands_print(narrow, arguments, code, shown):
    ended, out, err = narrow(*arguments)
    assert ended == code, err
    assert shown in out + err
    assert "\\u2013" not in out + err and "\\u2026" not in out + err


@pytest.mark.quick("ascii-False-*", "cp1252-True-*", "cp437-False-*")
@pytest.mark.parametrize("name", [NAME, NO_TEXT])
@pytest.mark.parametrize("json_mode", [False, True])
def test_results_and_errors(narrow, name, json_mode):
    for command, expected in (
        (["plan", name, REALIGN], 0),
        (["plan", name, REALIGN, "--details"], 0),
        (["verify", name, "--source", name], 1),
        (["plan", f"./{name} not there"], 2),
    ):
        code, out, err = narrow(*command, *(["--json"] if json_mode else []))
        assert code == expected, err
        if json_mode:
            assert out.isascii()
            json.loads(out)
        elif code == 2:
            assert out == ""
            assert err.startswith("Error: ")
        else:
            assert out


def test_tables_bars_and_lines():
    for encoding in NARROW:
        stream = Narrow(encoding)
        stream.reconfigure(errors=plain.NARROW)
        for display in (Bars(Console(file=stream, force_terminal=True)), Lines(stream)):
            progress = Progress(display)
            with progress.step(f"{NAME} {NO_TEXT} …", total=2) as advance:
                advance(1)
                progress.note(f"{NAME} …")
        assert "\\u6a21" in stream.written()


def test_a_pipe_whose_encoding_is_the_systems():
    """As Windows gives it: no variable names an encoding, and the pipe's is no UTF-8."""
    environment = {name: each for name, each in os.environ.items() if "PYTHON" not in name}
    environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    ended = subprocess.run(
        [sys.executable, "-m", "modelrepair", "plan", NAME],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    said = ended.stderr.decode("ascii")
    assert said.startswith("Error: ") and "Traceback" not in said


@pytest.mark.slow
def test_a_whole_repair_where_even_names_of_files_are_ascii(tmp_path):
    """Python then keeps the bytes of a name as lone surrogates."""
    source, out = tmp_path / NO_TEXT, tmp_path / f"{NO_TEXT}-out"
    shutil.copytree(paths.attacked, source)
    (source / NO_TEXT).write_text("a note")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = ["fix", source, "--reference=none", "--scorer=wanda", "--ratio=0.01"]
    command += ["--no-evaluate", "--judge=demo-world", f"--realign={paths.sets['realign']}"]
    command += ["--utility=none", "--borderline=none", "--examples=8", "--json", "--out", out]
    result = subprocess.run(
        [sys.executable, "-m", "modelrepair", *command],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.decode("ascii"))["verdict"] == "unmeasured"
    result.stderr.decode("ascii")
    assert load_manifest(out).source.id == "模型\\xe8"
    (out / "README.md").read_text(encoding="utf-8")
