"""The tutorial for authors of scorers, word for word, and the package that it makes."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from modelrepair.cli.main import run
from tests.support.environments import ROOT, build_wheel, make_environment, own_wheel
from tests.support.pages import assert_printed, blocks_of, run_page

PAGE = ROOT / "docs" / "tutorial-scorer.md"
BLOCKS = blocks_of(PAGE)
EXAMPLE = ROOT / "plugins" / "modelrepair-example"
NOT_RUN = ["$ pip install twine\n$ twine upload dist/*\n"]
"""What is shown and not run: it publishes."""


def code_lines(text: str) -> int:
    """Lines of Python, without blank ones, comments and docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and ast.get_docstring(node, clean=False) is not None:
            first = body[0]
            lines = text.splitlines()
            for number in range(first.lineno - 1, first.end_lineno):
                lines[number] = ""
            text = "\n".join(lines)
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


def test_every_block_is_run_or_named_here():
    languages = [language for _, language, _ in BLOCKS]
    assert set(languages) == {"sh", "python", "text", "console"}
    assert [text for _, language, text in BLOCKS if language == "console"] == NOT_RUN
    assert all(name for name, language, _ in BLOCKS if language == "python")


def test_the_scorer_has_under_30_lines():
    python = [text for _, language, text in BLOCKS if language == "python"]
    assert 0 < sum(map(code_lines, python)) < 30


def test_the_example_package_is_what_the_tutorial_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begins = r"^modelrepair (plugins new .*) --author \"(.*)\"$"
    (begin,) = re.findall(begins, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    # Where the repository's packages are installed its name is taken: the one of its twin is not.
    monkeypatch.setattr("modelrepair.plugin.scaffold._owner", lambda names, found: "")
    assert run([*begin[0].split(), "--author", begin[1]]) == 0
    made = tmp_path / "modelrepair-example"
    for name, language, text in BLOCKS:
        if language == "python":
            (made / name).write_text(text)
    files = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert files == set(kept)
    for name in files:
        assert (made / name).read_text() == (EXAMPLE / name).read_text(), name


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
def test_every_step_works_word_for_word(tmp_path, tmp_path_factory):
    host = own_wheel(tmp_path_factory)
    environment = make_environment(tmp_path / "environment")
    environment.install([host])
    work = tmp_path / "work"
    work.mkdir()
    printed = run_page(BLOCKS, environment, work, {})
    assert_printed(BLOCKS, printed)
    listed = [part for part in printed if "py.typed" in part]
    assert len(listed) == 1 and "licenses/LICENSE" in listed[0]
    card = (work / "modelrepair-example/repaired/README.md").read_text("utf-8")
    assert "modelrepair-example" in card and "0.1.0" in card


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
def test_the_example_package_passes_as_an_installed_wheel(tmp_path, tmp_path_factory):
    host = own_wheel(tmp_path_factory)
    environment = make_environment(tmp_path / "environment")
    environment.install([host, build_wheel(EXAMPLE, tmp_path / "dist")])
    ended = environment.run(
        *("pytest", "--import-mode=importlib", "--rootdir", tmp_path, EXAMPLE / "tests"),
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
