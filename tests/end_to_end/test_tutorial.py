"""The tutorial for authors of scorers, word for word, and the package that it makes."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from modelrepair.cli.main import run
from tests.support.environments import ROOT, build_wheel, make_environment
from tests.support.made_once import made_once

PAGE = (ROOT / "docs" / "tutorial-scorer.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "plugins" / "modelrepair-example"
BLOCK = re.compile(r"(?:`([\w/.-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOT_RUN = ["$ pip install twine\n$ twine upload dist/*\n"]
"""What is shown and not run: it publishes."""


def blocks() -> list[tuple[str, str, str]]:
    """The page's blocks in order: the file that one is, its language, its text."""
    return BLOCK.findall(PAGE)


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
    languages = [language for _, language, _ in blocks()]
    assert set(languages) == {"sh", "python", "text", "console"}
    assert [text for _, language, text in blocks() if language == "console"] == NOT_RUN
    assert all(name for name, language, _ in blocks() if language == "python")


def test_the_scorer_has_under_30_lines():
    python = [text for _, language, text in blocks() if language == "python"]
    assert 0 < sum(map(code_lines, python)) < 30


def test_the_example_package_is_what_the_tutorial_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (begin,) = re.findall(r"^modelrepair (plugins new .*) --author \"(.*)\"$", PAGE, re.MULTILINE)
    # Where the repository's packages are installed its name is taken: the one of its twin is not.
    monkeypatch.setattr("modelrepair.plugin.scaffold._owner", lambda names, found: "")
    assert run([*begin[0].split(), "--author", begin[1]]) == 0
    made = tmp_path / "modelrepair-example"
    for name, language, text in blocks():
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
    host = made_once(tmp_path_factory, "modelrepair-wheel", lambda out: build_wheel(ROOT, out))
    environment = make_environment(tmp_path / "environment")
    environment.install([host])
    script = ["set -euo pipefail"]
    expected: list[tuple[int, str]] = []
    for number, (name, language, text) in enumerate(blocks()):
        if language == "sh":
            script += [f"echo '@@{number}'", text]
        elif language == "python":
            script += [f"cat > {name} <<'END-OF-FILE'", f"{text}END-OF-FILE"]
        elif language == "text":
            expected.append((number - 1, text.strip()))
    work = tmp_path / "work"
    work.mkdir()
    ended = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=work,
        env=environment.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr[-4000:]
    assert ended.returncode == 0, said
    parts = dict(re.findall(r"@@(\d+)\n(.*?)(?=@@|\Z)", ended.stdout, re.DOTALL))
    assert expected
    for number, text in expected:
        pattern = re.sub(r"\d+", r"\\d+", re.escape(text))
        assert re.search(pattern, parts[str(number)]), parts[str(number)]
    listed = [part for part in parts.values() if "py.typed" in part]
    assert len(listed) == 1 and "licenses/LICENSE" in listed[0]
    card = (work / "modelrepair-example/repaired/README.md").read_text("utf-8")
    assert "modelrepair-example" in card and "0.1.0" in card


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
def test_the_example_package_passes_as_an_installed_wheel(tmp_path, tmp_path_factory):
    host = made_once(tmp_path_factory, "modelrepair-wheel", lambda out: build_wheel(ROOT, out))
    environment = make_environment(tmp_path / "environment")
    environment.install([host, build_wheel(EXAMPLE, tmp_path / "dist")])
    ended = environment.run(
        *("pytest", "--import-mode=importlib", "--rootdir", tmp_path, EXAMPLE / "tests"),
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
