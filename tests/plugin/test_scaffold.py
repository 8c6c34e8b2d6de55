"""A new plug-in: its names, its files, and where they are written."""

from __future__ import annotations

import ast
import doctest
import errno
import importlib
import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from modelrepair.errors import ResourceError, UsageError
from modelrepair.plugin import hookspecs, loading, scaffold
from modelrepair.plugin.loading import find_plugins
from modelrepair.plugin.scaffold import KINDS, Author, Names, author_of, names_of, render_package
from modelrepair.plugin.scaffold import write_package as write

ROOT = Path(__file__).parents[2]
LONG = "a" * scaffold.LONGEST
NAMES = {
    name: Names(name, name.replace("-", "_"), name.removeprefix("modelrepair-"))
    for name in ("x", "my-rule", "zz-top", LONG, "modelrepair-7b", "my-scorer")
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is no name"),
        ("a--b", "is no name"),
        ("-a", "is no name"),
        ("a_b", "is no name"),
        ("ä", "is no name"),
        ("a/b", "is no name"),
        ("a" * (scaffold.LONGEST + 1), "is no name"),
        ("7b", "can't import a module '7b'"),
        ("class", "can't import a module 'class'"),
        ("con", "Windows can't hold a folder"),
        ("lpt1", "Windows can't hold a folder"),
        ("json", "Python has a module 'json'"),
        ("torch", "a module 'torch' is installed"),
        ("modelrepair", "modelrepair .* is installed"),
        ("modelrepair-wanda", "modelrepair .* offers 'wanda'"),
        ("plain", "modelrepair .* offers 'plain'"),
        ("builtin", "has this entry point"),
    ],
)
def test_names_that_are_none_or_taken(name, said):
    with pytest.raises(UsageError, match=said) as refused:
        names_of(name, find_plugins())
    assert refused.value.hint


def test_the_nearest_name_is_accepted():
    for name in ("My_Scorer", "a--b", "7b", "class"):
        with pytest.raises(UsageError) as refused:
            names_of(name, find_plugins())
        near = refused.value.hint.split("'")[1]
        assert names_of(near, find_plugins()).distribution == near


def test_a_plug_in_that_is_blocked_or_broken_keeps_its_names(monkeypatch):
    import importlib.metadata

    class Installed(importlib.metadata.Distribution):
        version = "1"

        def read_text(self, filename):
            return "Name: my-rule\nVersion: 1\n" if filename == "METADATA" else None

        def locate_file(self, path):
            return path

    point = EntryPoint("other", "nowhere.at.all", hookspecs.PROJECT)._for(Installed())
    monkeypatch.setattr(loading, "entry_points", lambda: [(point, "My_Rule", "1")])
    for environment in ({}, {"MODELREPAIR_PLUGINS": ""}):
        with pytest.raises(UsageError, match="My_Rule 1 is installed"):
            names_of("my-rule", find_plugins(environment))
        with pytest.raises(UsageError, match="My_Rule 1 has this entry point"):
            names_of("other", find_plugins(environment))


def test_a_folder_of_that_name_here_is_no_module(tmp_path, monkeypatch):
    (tmp_path / "my_rule").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert names_of("my-rule", find_plugins()).module == "my_rule"


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("Ada", Author("Ada", "")),
        ("ada@example.org", Author("", "ada@example.org")),
        ('A "B" \\ C', Author('A "B" \\ C', "")),
        ("Zoë <zoe@example.org>", Author("Zoë", "zoe@example.org")),
    ],
)
def test_the_author_is_read_and_written(text, author):
    assert author_of(text) == author
    written = render_package("judge", NAMES["my-rule"], author)["pyproject.toml"]
    (found,) = tomllib.loads(written)["project"]["authors"]
    assert found == {key: value for key, value in vars(author).items() if value}


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a, b", "\x7f"])
def test_what_is_no_author(text):
    with pytest.raises(UsageError, match="is no author"):
        author_of(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_package_has_what_it_needs(kind):
    package = render_package(kind, NAMES["my-rule"])
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        ".gitignore",
        ".github/workflows/ci.yml",
        "my_rule/__init__.py",
        "my_rule/plugin.py",
        "my_rule/py.typed",
        "tests/test_conformance.py",
        "tests/test_docstrings.py",
    ):
        assert name in package
    assert package["LICENSE"] == (ROOT / "LICENSE").read_text()
    project = tomllib.loads(package["pyproject.toml"])["project"]
    assert "authors" not in project and project["license"] == "Apache-2.0"
    for path, text in package.items():
        whole = text.endswith("\n") and not text.endswith("\n\n")
        assert whole or path == "my_rule/py.typed", path
        assert "{%" not in text and ("{{" not in text or path.endswith("ci.yml")), path
    for line in package["my_rule/examples.jsonl"].splitlines() if kind == "example-set" else ():
        assert set(json.loads(line)) == {"prompt", "response"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_workflow_checks_the_wheel_on_every_python(kind):
    text = render_package(kind, NAMES["my-rule"])[".github/workflows/ci.yml"]
    assert "${{ matrix.python }}\n" in text, "a tag of the template has swallowed a line's end"
    workflow = yaml.safe_load(text)
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[0].startswith("pip wheel") and "dist/*.whl" in commands[1]
    assert {"ruff check", "mypy", "pytest", "modelrepair plugins check my-rule"} < set(commands)
    versions = [step["with"] for step in job["steps"] if "with" in step]
    assert versions == [{"python-version": "${{ matrix.python }}"}]


@pytest.mark.parametrize("name", ["x", LONG])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_clean_under_any_name(tmp_path, kind, name):
    write(render_package(kind, NAMES[name]), tmp_path / "made")
    for arguments in (["check"], ["format", "--check"]):
        ended = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--no-cache"],
            cwd=tmp_path / "made",
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    for path in (tmp_path / "made").rglob("*.py"):
        assert max(map(len, path.read_text().splitlines())) <= 100, path


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_package_registers_is_named_once_and_loads(tmp_path, monkeypatch, kind):
    names = NAMES["my-rule"]
    write(render_package(kind, names), tmp_path / "made")
    monkeypatch.syspath_prepend(str(tmp_path / "made"))
    modules = [f"my_rule.{path.stem}" for path in (tmp_path / "made/my_rule").glob("*.py")]
    try:
        plugin = importlib.import_module("my_rule.plugin")
        hook = f"modelrepair_{kind.replace('-', '_')}s"
        (spec,) = getattr(plugin, hook)()
        assert isinstance(spec, loading.KINDS[hook]) and spec.name == "my-rule"
        flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        ran = [
            doctest.testmod(importlib.import_module(name), optionflags=flags) for name in modules
        ]
        assert sum(each.failed for each in ran) == 0 < sum(each.attempted for each in ran)
        if kind == "example-set":
            assert spec.rows == len(spec.source.read_text().splitlines())
        else:
            made = importlib.import_module("pkgutil").resolve_name(spec.load)
            assert made.__module__ == f"my_rule.{kind}"
    finally:
        for name in ("my_rule", *modules):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("kind", KINDS)
def test_the_conformance_test_is_one_class_with_one_line(kind):
    tree = ast.parse(render_package(kind, NAMES["my-rule"])["tests/test_conformance.py"])
    (found,) = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    words = "".join(word.title() for word in kind.split("-"))
    assert [base.id for base in found.bases] == [f"{words}Conformance"]
    documentation, line = found.body
    assert isinstance(documentation, ast.Expr)
    assert ast.unparse(line) == "name = 'my-rule'"


def test_a_class_is_not_named_twice_by_its_kind():
    assert "class MyScorer:" in render_package("scorer", NAMES["my-scorer"])["my_scorer/scorer.py"]
    assert (
        "class Number7bJudge:"
        in (render_package("judge", NAMES["modelrepair-7b"])["modelrepair_7b/judge.py"])
    )


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "new").mkdir()
    write({"a.txt": "a\n"}, tmp_path / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "a.txt"]


@pytest.mark.parametrize("kept", ["file", "folder", "link"])
def test_nothing_is_overwritten(tmp_path, kept):
    place = tmp_path / "new"
    if kept == "file":
        place.write_text("kept")
    elif kept == "folder":
        place.mkdir()
        (place / ".hidden").write_text("kept")
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="'new' is there already"):
        write({"a.txt": "a\n"}, place)
    assert os.path.lexists(place) and not (place / "a.txt").exists()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "may not be"), (errno.EIO, "Input/output")],
)
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, number, said):
    def fail(self, *arguments, **options):
        if self.name == "b.txt":
            raise OSError(number, os.strerror(number))
        return real(self, *arguments, **options)

    real = Path.write_text
    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(ResourceError, match=said):
        write({"a.txt": "a\n", "b.txt": "b\n"}, tmp_path / "below" / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["below"]


def test_what_came_meanwhile_is_kept(tmp_path, monkeypatch):
    def late(self, target):
        Path(target).mkdir()
        (Path(target) / "theirs.txt").write_text("kept")
        return real(self, target)

    real = Path.rename
    monkeypatch.setattr(Path, "replace", late)
    with pytest.raises(UsageError, match="'new' is there already"):
        write({"a.txt": "a\n"}, tmp_path / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "theirs.txt"]
