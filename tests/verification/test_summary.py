"""Findings as lines and as JSON."""

from __future__ import annotations

from tests.support.verifying import check, made_fixture, untouched_fixture  # noqa: F401


def test_findings_as_lines_and_json(made):
    (made.out / "README.md").unlink()
    verification = check(made)
    (finding,) = verification.findings
    assert finding.line == "MR-VER-009 missing: README.md: is not in the repaired model"
    document = verification.to_json()
    assert document["ok"] is False
    assert document["findings"][0]["id"] == "MR-VER-009"
    assert (document["source"]["id"], document["verdict"]) == ("user/model", "passed")
    assert (
        "gate: passed; harmful answers to harmful prompts 66.7 % → 1.3 % (n = 300)"
        in (document["summary"])
    )
