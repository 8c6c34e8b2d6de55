"""Audits in the formats of other programs, on stdout and in a file."""

from __future__ import annotations

import json

import pytest

from modelrepair.auditing.results import Audit
from modelrepair.cli.audit_documents import text_of
from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.auditing import card, model
from tests.support.audits import COMMIT

CLEAN = str(paths.reference)


def test_a_list_is_one_document(capsys):
    assert run(["audit", CLEAN, "./none", "--base", "none", "--format", "sarif"]) != 0
    (line,) = capsys.readouterr().out.splitlines()
    assert len(json.loads(line)["runs"]) == 1


@pytest.mark.parametrize("form", ["json", "sarif", "cyclonedx"])
def test_a_file_in_place_of_stdout(form, tmp_path, capsys):
    out = tmp_path / "audit.out"
    out.write_text("old")
    run(["audit", CLEAN, "--base", "none", "--seed", "1", "--format", form, "--out", str(out)])
    assert capsys.readouterr().out == ""
    run(["audit", CLEAN, "--base", "none", "--seed", "1", "--format", form])
    documents = [json.loads(out.read_text()), json.loads(capsys.readouterr().out)]
    for each in documents:
        each.get("metadata", {}).pop("timestamp", None)
    assert documents[0] == documents[1]
    assert [each.name for each in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("form", ["sarif", "cyclonedx", "html"])
def test_a_repository_is_named_at_its_commit(form, hub, tmp_path):
    hub.add("user/base", model())
    hub.add("user/model", model(**{"README.md": card(base_model="user/base"), "a.bin": b"x"}))
    out = tmp_path / "out"
    assert run(["audit", "user/model", "--format", form, "--out", str(out)]) == 1
    text = out.read_text()
    assert f"user/model/tree/{hub.repos['user/model'].head}" in text
    assert "MR-FIL-001" in text
    assert "user/base" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "table", "--out", "a.txt"], "--out is of"),
        (["--format", "sarif", "--out", "none/a.sarif"], "no folder none for --out"),
    ],
)
def test_a_file_that_can_t_be_written_stops_before_the_audit(arguments, message, capsys):
    assert run(["audit", "user/never-asked", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_library_that_is_missing_is_said_before_the_audit(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "sarif_pydantic", None)
    assert run(["audit", "user/never-asked", "--format", "sarif"]) == 2
    assert 'pip install "modelrepair[audit]"' in capsys.readouterr().err


def test_a_document_from_a_state_file_is_that_of_the_audit():
    audit = Audit("user/model", COMMIT, ran=("metadata",))
    again = Audit.from_json(json.loads(text_of([audit], "json", False)))
    assert text_of([again], "sarif", False) == text_of([audit], "sarif", False)
