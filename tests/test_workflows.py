"""Workflows, hooks and forms: they run what a developer runs, and pin what they use."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.release import environment, matrix

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = [*WORKFLOWS, ROOT / "examples" / "maintainer" / "verify.yml"]
"""Those of this repository, and the one that others copy."""
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))


def steps(path):
    """Each step of a workflow."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [step for job in read["jobs"].values() for step in job["steps"]]


def recipe(target):
    """The commands of a make target, without the environment's folder."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return [line.strip().removeprefix("$(BIN)/") for line in found[1].splitlines()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_make_targets_that_are_there(path):
    lines = [line for step in steps(path) for line in step.get("run", "").splitlines()]
    made = [shlex.split(line)[-1] for line in lines if line.startswith("make ")]
    assert made and set(made) <= TARGETS


@pytest.mark.parametrize("path", PINNED, ids=[path.stem for path in PINNED])
def test_an_action_is_pinned_by_digest_with_its_tag(path):
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    for each in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_a_digest_has_one_tag_everywhere():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PINNED)
    pairs = set(re.findall(r"uses: ([\w/-]+)@(\w+) # (\S+)", text))
    assert len({action for action, _, _ in pairs}) == len(pairs)


def test_on_windows_a_module_runs_what_the_target_runs():
    lines = [
        line
        for path in WORKFLOWS
        for step in steps(path)
        if step.get("if") == "runner.os == 'Windows'"
        for line in step["run"].splitlines()
        if "tests.release" in line
    ]
    assert len(lines) == 2
    for line in lines:
        module = re.search(r"-m (tests\.release\.\w+)", line)[1]
        assert module in MAKEFILE
        assert line.endswith('-m "not slow" -n 2 --dist loadgroup')


def test_on_windows_what_a_module_imports_is_installed_first():
    """There the interpreter is a bare one: `make` would have set up .venv."""
    runs = [step.get("run", "") for path in WORKFLOWS for step in steps(path)]
    twins = [run for run in runs if "-m tests.release" in run]
    assert len(twins) == 2
    for run in twins:
        installed = set(re.search(r"pip install -c constraints.txt (.*)", run)[1].split())
        name = re.search(r"-m tests\.release\.(\w+)", run)[1]
        files = [ROOT / "tests" / "release" / f"{each}.py" for each in (name, "environment")]
        nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
        names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        outside = {each.partition(".")[0] for each in names} - sys.stdlib_module_names
        assert outside - {"tests"} <= installed


def test_the_versions_of_ci_are_those_of_the_matrix_and_hold_the_classifiers():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]
    asked = jobs["test"]["strategy"]["matrix"]["python"]
    assert tuple(asked) == matrix.VERSIONS
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = re.findall(r":: (3\.\d+)", " ".join(project["classifiers"]))
    assert named and set(named) <= set(asked)
    assert project["requires-python"] == f">={asked[0]}"


def test_every_environment_holds_what_make_installs():
    extras = re.search(r'-e "\.\[(.*?)\]"', MAKEFILE)[1]
    plugins = re.search(r"^PLUGINS := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)[1]
    assert extras == environment.EXTRAS
    named = [each for each in environment.packages() if each.startswith("./")]
    assert sorted(f"./{each}" for each in plugins.replace("\\\n", " ").split()) == named


def test_the_hooks_are_the_lines_of_make_lint():
    read = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = read["repos"]
    assert repository["repo"] == "local"
    hooks = [each["entry"] for each in repository["hooks"]]
    linted = recipe("lint")
    assert len(hooks) == len(linted)
    for hook, line in zip(hooks, linted, strict=True):
        assert line == hook or line.startswith(f"{hook} .github/")


def test_every_form_is_linted():
    forms = {path.name for path in (ROOT / ".github" / "ISSUE_TEMPLATE").iterdir()}
    assert forms == {name for name in forms if name in MAKEFILE}
