"""The examples, as a newcomer runs them: from the installed wheel, word for word."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from functools import cache

import pytest
import yaml

from modelrepair.demo import paths
from tests.support.environments import ROOT, build_wheel, make_environment, own_wheel
from tests.support.hub.sharded import (
    QUICK,
    fill,
    here_fixture,  # noqa: F401
    sharded,
)
from tests.support.pages import assert_printed, blocks_of, pattern_of, run_page

EXAMPLES = ROOT / "examples"
RUN = ("publisher", "scorer", "maintainer")
"""Those whose commands need nothing but the wheel."""
PAGES = sorted(EXAMPLES.glob("*/README.md"))


@pytest.mark.parametrize("name", RUN)
def test_the_page_is_short_and_shows_what_it_prints(name):
    page = EXAMPLES / name / "README.md"
    assert len(page.read_text(encoding="utf-8").splitlines()) < 60
    languages = [block.language for block in blocks_of(page)]
    assert languages == ["sh", "text"] * (len(languages) // 2) and languages


@cache
def options_of(script):
    """What a script takes: as its help says, or as it looks for it."""
    code = script.read_text(encoding="utf-8")
    if "argparse" not in code:
        return set(re.findall(r'"(--[a-z-]+)" in sys.argv', code))
    ended = subprocess.run(
        [sys.executable, script, "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[a-z-]+", ended.stdout))


@pytest.mark.parametrize("page", PAGES, ids=[page.parent.name for page in PAGES])
def test_a_shell_reads_the_commands_and_each_script_has_its_options(page):
    commands = [block.text for block in blocks_of(page) if block.language == "sh"]
    assert commands
    for text in commands:
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        for script, words in re.findall(r"^python (\w+\.py)(.*)$", text, re.MULTILINE):
            if options := re.findall(r"(?<=\s)--[a-z-]+", words):
                known = options_of(page.parent / script)
                assert set(options) <= known, script


def test_the_table_names_every_example():
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| \[([\w-]+)\]\(\1/README\.md\)", table, re.MULTILINE)
    assert sorted(linked) == [page.parent.name for page in PAGES]


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("done in 3 s", "done in 14 s", True),
        ("0.007, n = 144", "0.014, n = 144", True),
        ("…\nlast", "first\nsecond\nlast", True),
        ("first …\nlast", "first and more\nlast", True),
        ("last", "first\nlast", False),
        ("passed", "failed", False),
        ("exit code 1", "exit code 1", True),
        ("exit code 1", "exit code 7", False),
        ("exit code 70", "exit code 71", False),
    ],
)
def test_what_counts_as_the_output_shown(shown, said, same):
    assert bool(re.fullmatch(pattern_of(shown), said)) is same


RULE = {"id": "MR-LIN-001", "name": "copy", "severity": "note", "message": "the same"}
FINDING = {"id": "MR-VER-003", "code": "mask"}


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        (
            {
                "model": "a/b",
                "stages": {"proof": "not run", "lineage": [{**RULE, "outcome": "found"}]},
            },
            ["a/b: 1 found", "- found: MR-LIN-001 copy (note)"],
        ),
        ({"model": "a/b", "stages": {"lineage": [{**RULE, "outcome": "clear"}]}}, ["a/b: 1 clear"]),
        ({"result": "verified", "findings": [], "inconclusive": []}, ["verified: all clear"]),
        (
            {"result": "not verified", "findings": [FINDING] * 2, "inconclusive": [FINDING]},
            [
                "not verified: 2 found, 1 inconclusive",
                "- found: MR-VER-003 mask",
                "- inconclusive: MR-VER-003 mask",
            ],
        ),
        (
            {"error": {"id": "hub-unreachable", "message": "no Hub"}},
            ["error: 1 not looked at", "- not looked at: hub-unreachable: no Hub"],
        ),
    ],
)
def test_outcomes_are_sorted(document, lines):
    script = runpy.run_path(str(EXAMPLES / "maintainer" / "outcomes.py"))
    assert list(script["lines_of"](document)) == lines


@pytest.fixture
def user(tmp_path, tmp_path_factory, hub):
    """An environment with the installed wheel, and the variables that lead to the test Hub."""
    host = own_wheel(tmp_path_factory)
    environment = make_environment(tmp_path / "environment")
    environment.install([host])
    return environment, {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": hub.token,
    }


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
@pytest.mark.parametrize("name", RUN)
def test_every_command_prints_what_the_page_shows(name, user, tmp_path, hub):
    environment, variables = user
    work = tmp_path / name
    shutil.copytree(EXAMPLES / name, work)
    blocks = blocks_of(work / "README.md")
    printed = run_page(blocks, environment, work, variables)
    assert_printed(blocks, [each.replace(hub.url, "https://huggingface.co") for each in printed])


def run_workflow(path, environment, folder, variables, inputs):
    """The commands of a workflow's job, as a runner runs them: the job's code, its summary."""
    (job,) = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    summary = folder / "summary.md"
    code = 0
    for step in (each for each in job["steps"] if "run" in each):
        if code and step.get("if") != "always()":
            continue
        given = {
            name: inputs[re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value)[1]]
            for name, value in step.get("env", {}).items()
        }
        ended = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=folder,
            env={
                **environment.variables,
                **variables,
                **given,
                "GITHUB_STEP_SUMMARY": str(summary),
            },
            check=False,
        )
        code = code or ended.returncode
    return code, summary.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
def test_the_workflow_tells_a_repair_from_a_claim(user, here, hub):
    environment, variables = user
    fill(hub)
    ended = subprocess.run(
        ["modelrepair", "fix", "user/broken", *QUICK],
        cwd=here,
        env={**environment.variables, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    shutil.copy(EXAMPLES / "maintainer" / "outcomes.py", here)
    workflow, claim = EXAMPLES / "maintainer" / "verify.yml", {"model": "me/broken-repaired"}
    job = (environment, here, variables, {**claim, "revision": "main"})
    assert run_workflow(workflow, *job) == (0, "verified: all clear\n\n")
    (here / "summary.md").unlink()
    hub.add(
        "me/broken-repaired", {**hub.repos["me/broken-repaired"].files(), **sharded(paths.attacked)}
    )
    code, summary = run_workflow(workflow, *job)
    assert code == 1
    assert summary.startswith("not verified: ") and "MR-VER-014 masked-value" in summary


@pytest.mark.slow
@pytest.mark.xdist_group("wheels")
def test_the_example_of_the_lab_runs_from_wheels_on_a_tiny_model(user, tmp_path):
    environment, variables = user
    packages = [ROOT / "plugins" / f"modelrepair-{name}" for name in ("lab", "rivals")]
    environment.install([build_wheel(each, tmp_path / each.name) for each in packages])
    work = tmp_path / "work"
    shutil.copytree(EXAMPLES / "smollm2", work, ignore=shutil.ignore_patterns("made"))
    # In the place of SmolLM2: what lies there complete is not converted again.
    shutil.copytree(paths.reference, work / "made" / "smollm2")
    # The other block asks for published prompts, from packages that are not installed here.
    block, _ = [each for each in blocks_of(work / "README.md") if each.language == "sh"]
    lines = [line for line in block.text.splitlines() if not line.startswith("pip install ")]
    run_page([block._replace(text="\n".join(lines))], environment, work, variables)
    table = (work / "made" / "table" / "table.md").read_text(encoding="utf-8")
    assert "Attacks: 3. Seeds: 2." in table and "Not installed" not in table
    assert len(list((work / "made" / "table" / "cells").iterdir())) == 2
