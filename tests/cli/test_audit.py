"""``modelrepair audit`` as its users run it: one model, a list, formats, mistakes."""

from __future__ import annotations

import json

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths

CLEAN = str(paths.reference)


@pytest.fixture
def pickled(tmp_path):
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "training_args.bin").write_bytes(b"\x80\x04.")
    return str(folder)


def test_one_model_is_a_table_and_the_exit_code(pickled, capsys):
    assert run(["audit", pickled, "--base", "none"]) == 1
    shown = capsys.readouterr().out
    assert "MR-FIL-001" in shown
    assert "training_args.bin" in shown
    assert "not run: difference (--deep)" in shown


def test_nothing_of_the_severity_asked_for_is_no_failure(pickled):
    assert run(["audit", pickled, "--base", "none", "--fail-on", "never"]) in (0, 7)


def test_json_is_one_document_with_every_stage(pickled, capsys):
    run(["audit", pickled, "--base", "none", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["stages"]["behaviour"] == "not run"
    outcomes = {row["id"]: row["outcome"] for row in document["stages"]["metadata"]}
    assert outcomes["MR-FIL-001"] == "found"


def test_a_list_has_a_line_each_and_the_gravest_code(pickled, tmp_path, capsys):
    names = tmp_path / "names"
    names.write_text(f"# mine\n{CLEAN}\n./none\nrub bish\n{pickled}\n")
    assert run(["audit", "--from", str(names), "--base", "none"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert sum("not looked at" in line for line in lines) == 2


def test_jsonl_has_a_document_a_line_and_resumes(pickled, tmp_path, capsys):
    state = tmp_path / "state.jsonl"
    asked = ["audit", CLEAN, pickled, "--base", "none", "--state", str(state), "--format", "jsonl"]
    run(asked)
    first = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    run(asked)
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    key = "model"
    assert sorted(first, key=lambda each: each[key]) == sorted(again, key=lambda each: each[key])
    assert [each["model"] for each in again] == [CLEAN, pickled]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "there is no TARGET"),
        (["./none"], 2, "no folder ./none"),
        (["rub bish"], 2, "neither a folder here nor an id"),
        (["--from", "none.txt"], 2, "none.txt can't be read"),
        (["a", "b", "--revision", "main"], 2, "--revision is of one model"),
        (["a", "b", "--shard", "3/2"], 2, "no part of a list"),
        ([CLEAN, "--state", "s"], 2, "--state is of a list"),
        ([CLEAN, "--json", "--format", "jsonl"], 2, "two formats"),
        ([CLEAN, "--base", "./none"], 2, "no folder ./none"),
        ([CLEAN, "--candidates", "none.txt"], 2, "none.txt can't be read"),
    ],
)
def test_bad_input_is_a_line_a_hint_and_the_code(arguments, code, message, capsys):
    assert run(["audit", *arguments]) == code
    lines = capsys.readouterr().err.splitlines()
    assert any(message in line for line in lines), lines
    assert any(line.startswith("Hint [") for line in lines)


def test_an_id_that_does_not_exist(hub, capsys):
    assert run(["audit", "user/none"]) == 3
    assert "user/none" in capsys.readouterr().err
