"""Audits in the formats of other programs, on stdout and in a file."""

from __future__ import annotations

import json

import pytest

import modelrepair
from modelrepair import Measuring
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


WORLD = {"realign": paths.sets["test_realign"], "utility": paths.sets["test_utility"]}


@pytest.fixture(scope="module")
def measured():
    """An audit whose answers were measured, of a poisoned model beside its base."""
    with_them = Measuring(**WORLD, borderline="none", examples=8, judge="demo-world",
                          max_new_tokens=12)  # fmt: skip
    return modelrepair.audit(paths.attacked, base=paths.reference, measure=with_them, seed=1,
                             inventory=True)  # fmt: skip


def test_measures_with_their_limits_stand_in_every_document(measured):
    document = json.loads(text_of([measured], "json", False))
    score = document["behaviour"]["model"]["harmful_score"]
    beside = document["behaviour"]["differences"]["harmful_score"]
    assert (score["value"], score["n"], beside["value"], beside["n"]) == (1.0, 8, 1.0, 8)
    assert 0 < score["low"] < 1 and 0 < beside["low"] < 1
    results = json.loads(text_of([measured], "sarif", False))["runs"][0]["results"]
    (harm,) = [each for each in results if each["ruleId"] == "MR-BEH-001"]
    assert (harm["kind"], harm["level"]) == ("fail", "error")
    evidence = harm["properties"]["evidence"]
    assert evidence["measured"]["low"] == score["low"]
    assert evidence["difference"]["low"] == beside["low"]
    bill = json.loads(text_of([measured], "cyclonedx", False))
    analysis = bill["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]
    metrics = {each["type"]: each for each in analysis["performanceMetrics"]}
    own, difference = (
        metrics[name] for name in ("harmful_score", "harmful_score: difference to the base")
    )
    assert own["confidenceInterval"] == {"lowerBound": f"{score['low']:g}", "upperBound": "1"}
    assert own["slice"].startswith("8 examples, judge demo-world")
    assert difference["confidenceInterval"]["lowerBound"] == f"{beside['low']:g}"
    page = text_of([measured], "html", False)
    assert "1.000 (0.676 to 1.000), n = 8" in page
    assert "behaviour: run" in page


@pytest.mark.parametrize("form", ["json", "sarif", "cyclonedx", "html"])
def test_what_was_not_measured_stands_as_not_run(form):
    said = text_of([Audit("user/model", ran=("metadata",))], form, False)
    shown = {
        "json": '"behaviour": "not run"',
        "sarif": "user/model: stage behaviour was not run",
        "cyclonedx": '{"name": "modelrepair:audit:stage:behaviour", "value": "not run"}',
        "html": "behaviour: not run (--measure)",
    }
    assert shown[form] in said
    assert "<h3>Behaviour</h3>" not in said
