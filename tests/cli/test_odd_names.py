"""Names of outputs that a shell, a disk or another system may trip over."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import pytest

from modelrepair.cli.main import run

KEPT = Path(__file__).parents[1] / "kept"
MASK = KEPT / "repairs" / "weight" / "repair" / "mask.safetensors"
SOURCE = KEPT / "models" / "tuned"
APPLY = ("apply", str(MASK), str(SOURCE))
ATTEST = ("attest", str(KEPT / "repairs" / "weight"))
NEW = ("plugins", "new", "zz-rule")
HELD = [
    "my model", "Модель", "模型", "نموذج", unicodedata.normalize("NFD", "modèle"), "it's \"odd\"",
    "a\\b", "C:\\x", "C:x", "\\\\host\\share\\x", "~no-such-user", "dot.", "nul.txt", "-x",
    "x" * 200, f"{'x' * 120}/{'y' * 120}/z",
]  # fmt: skip
"""What this system holds; Windows does not hold all of them."""


@pytest.mark.parametrize("name", HELD)
def test_a_folder_of_any_name_is_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert run([*NEW, f"--out={name}"]) == 0
    assert (tmp_path / name / "pyproject.toml").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", HELD)
def test_a_model_of_any_name_is_written_and_verifies(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert run([*APPLY, f"--out={name}"]) == 0
    assert run([*ATTEST, f"--out={name}.json"]) == 0
    json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert (tmp_path / name / "config.json").is_file()


@pytest.mark.parametrize("command", [NEW, APPLY])
@pytest.mark.parametrize(
    ("name", "code"),
    [(".", 2), ("..", 2), ("", 2), ("x" * 256, 4), ("模" * 86, 4)],
)
def test_a_name_that_is_none_is_one_line_and_a_hint(
    tmp_path, monkeypatch, capsys, command, name, code
):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert run([*command, f"--out={name}"]) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-2].startswith("Error: ") and said[-1].startswith("Hint [")
    assert Path.cwd().is_dir() and not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("command", [NEW, APPLY, ATTEST])
@pytest.mark.parametrize("name", ["CON", "out/nul.txt", "dot.", "what?"])
def test_a_name_that_windows_cannot_hold_is_refused_there(
    tmp_path, monkeypatch, capsys, command, name
):
    """Windows is simulated by the name in sys.platform; nothing is written before the refusal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    assert run([*command, f"--out={name}"]) == 2
    assert "Windows can't hold" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 256 + "/y", "./" + "x" * 5000])
@pytest.mark.parametrize(
    "command",
    [
        ("plan", "NAME"), ("measure", "NAME"), ("verify", "NAME"), ("attest", "NAME"),
        ("apply", str(MASK), "NAME", "--out=o"), ("plan", str(SOURCE), "--reference=NAME"),
        ("plan", str(SOURCE), "--scorer=NAME.py:X"), ("plan", str(SOURCE), "--realign=NAME.jsonl"),
        ("audit", str(SOURCE), "--format=sarif", "--out=NAME"),
    ],
)  # fmt: skip
def test_a_name_that_is_too_long_to_be_looked_for(tmp_path, monkeypatch, capsys, command, name):
    monkeypatch.chdir(tmp_path)
    assert run([word.replace("NAME", name) for word in command]) in (2, 4)
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-2].startswith("Error: ") and said[-1].startswith("Hint [")
