"""What is mistyped is answered with the nearest, and bare commands with their help."""

from __future__ import annotations

import importlib
import io

import pytest

from modelrepair.cli.main import COMMANDS, run
from modelrepair.cli.output import Output


@pytest.mark.parametrize(
    ("typed", "error", "near"),
    [
        ("fixx", "no such command 'fixx'", "did you mean 'fix'?"),
        ("measur m", "no such command 'measur'", "did you mean 'measure'?"),
        ("scorers lst", "no such command 'lst'", "did you mean 'list'?"),
        ("fix m --realgn x", "no such option '--realgn'", "did you mean '--realign'"),
        ("push m --in-plac", "no such option '--in-plac'", "did you mean '--in-place'"),
        ("scorers show wnada", "no scorer named 'wnada'", "did you mean 'wanda'"),
        ("user/model", "no such command 'user/model'", "modelrepair fix user/model"),
    ],
)
def test_the_nearest_is_named(call, typed, error, near):
    result = call(*typed.split())
    assert result.code == 2
    first, second = (line for line in result.err.splitlines() if line)
    assert first == f"Error: {error}"
    assert near in second


@pytest.mark.parametrize("option", ["--token", "--hf-token", "--hf_token", "--api-key"])
@pytest.mark.parametrize("command", ["fix", "push", "plan"])
def test_a_token_has_its_place(call, command, option):
    result = call(command, "m", option, "hf_abcdefghijk")
    assert result.code == 2
    assert "HF_TOKEN" in result.err
    assert "hf auth login" in result.err
    assert "abcdefghijk" not in result.err


def test_every_command_is_found_by_a_letter_too_many(call):
    for name in COMMANDS:
        assert f"'{name}'" in call(f"{name}x").err


@pytest.mark.parametrize("command", ["plan {}", "verify {}", "push {}"])
def test_a_folder_beside_is_named(call, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "my-model").mkdir()
    result = call(*command.format("./my-modle").split())
    assert result.code == 2
    assert "did you mean 'my-model'?" in result.err


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name):
    command = importlib.import_module(f"modelrepair.cli.{name}").command
    assert command.get_short_help_str(300) == COMMANDS[name]


@pytest.mark.parametrize(("local", "says"), [("0", True), ("1", False)])
def test_what_a_machine_lacks_its_first_rank_says(local, says, monkeypatch, capsys):
    launched = {"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": local}
    for name, value in {**launched, "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    silent = io.StringIO()
    code = run(["fix", "m", "--rato"], Output(stdout=silent, stderr=silent))
    assert code == 2
    assert ("Error: rank 3: " in capsys.readouterr().err) is says
