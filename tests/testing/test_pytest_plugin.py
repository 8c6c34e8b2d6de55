"""The plug-in of pytest, in runs of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair.testing import pytest_plugin
from modelrepair.testing.kinds import KINDS
from tests.support.made_once import made_once

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest
from modelrepair.testing import JudgeConformance

class TestKeyword(JudgeConformance):
    name = "keyword"

class TestExpected(JudgeConformance):
    name = "keyword"
    expected_failures = {"documented": "it is not"}

@pytest.mark.skip(reason="not now")
class TestSkipped(JudgeConformance):
    name = "keyword"

class TestUnknown(JudgeConformance):
    name = "keywords"
"""
PLAIN = """
import sys

def test_nothing_heavy_is_imported():
    assert "modelrepair.testing.pytest_plugin" in sys.modules
    assert not {"torch", "transformers", "pydantic", "numpy"} & set(sys.modules)
"""


def run(folder, *arguments):
    words = ["-m", "pytest", "-p", "modelrepair.testing.pytest_plugin", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, *words, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    def make(folder):
        folder.mkdir()
        (folder / "test_suite.py").write_text(SUITE)
        ended = run(folder, "--modelrepair-record", "record.json")
        return ended.returncode, ended.stdout, json.loads((folder / "record.json").read_text())

    code, out, records = made_once(tmp_path_factory, "conformance-suite", make)
    return SimpleNamespace(code=code, out=out, records=records)


def test_the_record_is_written(suite):
    whole = suite.records[1]
    assert (whole["kind"], whole["name"], whole["distribution"]) == (
        "judge",
        "keyword",
        "modelrepair",
    )
    assert [each["id"] for each in whole["checks"]] == [each.id for each in KINDS["judge"].checks]
    assert whole["counts"]["failed"] == 0


def test_an_unexpected_pass_fails(suite):
    assert suite.code == 1
    assert "FAILED test_suite.py::TestExpected::test_documented" in suite.out
    assert suite.records[0]["counts"]["unexpected_pass"] == 1


def test_what_is_skipped_is_counted_with_its_reason(suite):
    skipped = suite.records[2]
    assert skipped["counts"]["skipped"] == len(skipped["checks"]) == len(KINDS["judge"].checks)
    assert {each["reason"] for each in skipped["checks"]} == {"Skipped: not now"}


def test_an_unknown_name_fails_every_test(suite):
    assert "no judge named 'keywords'" in suite.out
    assert suite.out.count("FAILED test_suite.py::TestUnknown") == len(KINDS["judge"].checks)


def test_the_counts_are_said(suite):
    assert "conformance kit of modelrepair" in suite.out
    assert f"kit 1: {len(KINDS['judge'].checks)} checks" in suite.out


@pytest.mark.slow
def test_workers_give_the_same_records(suite, tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    run(tmp_path, "-n", "2", "--modelrepair-record", "record.json")

    def outcomes(records):
        return [[(each["id"], each["outcome"]) for each in record["checks"]] for record in records]

    records = json.loads((tmp_path / "record.json").read_text())
    assert outcomes(records) == outcomes(suite.records)


def test_without_a_class_it_does_nothing(tmp_path):
    for name in ("one", "two"):  # with a conftest each, pytest asks each test for its own plug-ins
        (tmp_path / name).mkdir()
        (tmp_path / name / "conftest.py").touch()
        (tmp_path / name / f"test_{name}.py").write_text(PLAIN)
    ended = run(tmp_path)
    assert ended.returncode == 0, ended.stdout
    assert "conformance" not in ended.stdout


def test_the_package_registers_it_with_pytest():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (points,) = project["entry-points"]["pytest11"].items()
    assert points == (pytest_plugin.__name__, pytest_plugin.__name__)
    assert callable(pytest_plugin.pytest_addoption)


def test_the_setting_of_pytest_writes_the_record_too(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmodelrepair_record = kept.json\n")
    (tmp_path / "test_plain.py").write_text(PLAIN)
    assert run(tmp_path).returncode == 0
    assert json.loads((tmp_path / "kept.json").read_text()) == []
