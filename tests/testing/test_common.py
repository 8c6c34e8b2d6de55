"""The checks of every kind find what they are meant for."""

from __future__ import annotations

import pytest

from modelrepair.testing import importing
from modelrepair.testing.common import COMMON
from modelrepair.testing.importing import Cost
from modelrepair.testing.runner import run_check
from modelrepair.testing.subject import open_subject
from tests.support.installed import install, scorer_code, site  # noqa: F401
from tests.support.said import is_shown

CHECKS = {check.id: check for check in COMMON}
PLUGIN = """
from dataclasses import dataclass, field
from modelrepair.plugin import JudgeSpec, hookimpl

@dataclass(frozen=True)
class Options:
    level: {type} = field(default={default}, metadata={{"help": "{help}"}})
{after}

@hookimpl
def modelrepair_judges({arguments}):
    return [JudgeSpec("mine", {summary!r}, load="nowhere:Nothing", options=Options)]
"""
GROWING = """
    def __post_init__(self):
        object.__setattr__(self, "level", self.level + 1)
"""
FINE = {
    "after": "",
    "type": "float",
    "default": "0.5",
    "help": "how much",
    "arguments": "",
    "summary": "a test's judge",
}


@pytest.fixture
def run(tmp_path, install):  # noqa: F811
    def run(id, **changes):
        install("my-judge", PLUGIN.format(**FINE | changes))
        return run_check(CHECKS[id], open_subject("mine", folder=tmp_path))[0]

    return run


@pytest.mark.parametrize("id", CHECKS)
def test_a_good_plugin_passes(run, id):
    assert run(id).outcome == "passed"


@pytest.mark.parametrize(
    ("id", "changes", "reason"),
    [
        ("documented", {"summary": " "}, "it has no summary"),
        ("documented", {"summary": "two\nlines"}, "its summary has several lines"),
        ("documented", {"help": ""}, "its option 'level' has no help text"),
        ("hook-arguments", {"arguments": "api=1"}, "takes api=1, and is called without arguments"),
        ("options", {"type": "int | str", "default": "'5'"}, "is '5', and another value when"),
        ("options", {"after": GROWING}, "given again, make other options"),
    ],
)
def test_each_check_finds_what_it_is_meant_for(run, id, changes, reason):
    result = run(id, **changes)
    assert result.outcome == "failed"
    assert reason in result.reason
    assert is_shown(COMMON, id, result.reason)


@pytest.mark.parametrize(
    ("type", "default"),
    [("float", "2"), ("float | None", "None"), ("bool", "False"), ("str", "''"), ("int", "3")],
)
def test_defaults_that_are_fine(run, type, default):
    assert run("options", type=type, default=default).outcome == "passed"


def test_what_has_no_options_is_not_asked(tmp_path):
    result, _ = run_check(CHECKS["options"], open_subject("magnitude", folder=tmp_path))
    assert (result.outcome, result.reason) == ("skipped", "it has no options")


def test_a_slow_import_is_measured_again(tmp_path, monkeypatch):
    costs = [Cost(0.5, ()), Cost(0.1, ()), Cost(0.5, ()), Cost(0.4, ())]
    monkeypatch.setattr("modelrepair.testing.common.measure", lambda values: costs.pop(0))
    subject = open_subject("keyword", folder=tmp_path)
    assert run_check(CHECKS["cheap-import"], subject)[0].outcome == "passed"
    result, _ = run_check(CHECKS["cheap-import"], subject)
    assert "takes 400 ms, more than 200 ms" in result.reason


def test_only_what_registers_it_is_imported(tmp_path, install, site):  # noqa: F811
    install("my-judge", PLUGIN.format(**FINE))
    (site / "half.py").write_text("raise ImportError('half of it is broken')")
    points = site / "my_judge-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text() + "half = half\n")
    subject = open_subject("mine", folder=tmp_path)
    for id in ("cheap-import", "hook-arguments"):
        assert run_check(CHECKS[id], subject)[0].outcome == "passed"


def test_a_heavy_import_is_named(tmp_path, monkeypatch):
    cost = importing.Cost(0.1, ("torch",))
    monkeypatch.setattr("modelrepair.testing.common.measure", lambda values: cost)
    result, _ = run_check(CHECKS["cheap-import"], open_subject("keyword", folder=tmp_path))
    assert result.reason.startswith("registering it imports torch;")


def test_two_of_one_name(tmp_path, install):  # noqa: F811
    install("one-scorer", scorer_code("twice"))
    install("two-scorer", scorer_code("twice"))
    result, _ = run_check(CHECKS["registered-once"], open_subject("twice", folder=tmp_path))
    assert result.reason == (
        "the name 'twice' is registered 2 times: one-scorer 1.0, two-scorer 1.0"
    )


def test_a_name_of_ours(tmp_path, install):  # noqa: F811
    install("one-scorer", scorer_code("wanda"))
    result, _ = run_check(CHECKS["registered-once"], open_subject("wanda", folder=tmp_path))
    assert "registered 2 times: modelrepair" in result.reason


def test_a_scorer_from_a_file_is_registered_nowhere(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    '''A test's.'''\n    sets = {}\n")
    subject = open_subject(f"{path}:Mine", "scorer", folder=tmp_path)
    outcomes = {id: run_check(check, subject)[0].outcome for id, check in CHECKS.items()}
    assert outcomes == {
        "cheap-import": "skipped",
        "registered-once": "passed",
        "documented": "passed",
        "hook-arguments": "skipped",
        "options": "skipped",
    }
