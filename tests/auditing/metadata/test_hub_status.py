"""The Hub's own scanners, read defensively."""

from __future__ import annotations

import pytest

from modelrepair.auditing.context import Context
from modelrepair.auditing.metadata.hub_status import CHECKS, SCANNERS, scanners
from modelrepair.auditing.opened import HubFacts, Opened
from modelrepair.source.resolve import Source
from tests.support.auditing import ask, model, write

CHECK = CHECKS[0]


def said(tmp_path, status):
    source = Source("a/b", "c", tmp_path, "b")
    return scanners(Context(Opened("a/b", source, {}, HubFacts(False, False, status)), 0))


def test_an_infected_repository_is_found_and_a_clean_one_clear(hub):
    files = model(**{"pytorch_model.bin": b"x"})
    hub.add("me/clean", files)
    hub.add("me/bad", files, infected=True)
    assert ask(CHECK, "me/clean").outcome == "clear"
    found = ask(CHECK, "me/bad")
    assert (found.outcome, found.files) == ("found", ("pytorch_model.bin",))
    assert found.severity == "error" and found.evidence["levels"] == ["unsafe"]


def test_the_rule_does_not_apply_to_a_folder(tmp_path):
    finding = ask(CHECK, write(tmp_path / "m", model()))
    assert finding.outcome == "clear" and finding.evidence == {"applicable": False}


@pytest.mark.parametrize(
    "status",
    [
        None,
        {},
        "safe",
        [],
        {"scansDone": True},
        {"scansDone": False, "filesWithIssues": []},
        {"scansDone": "yes", "filesWithIssues": []},
        {"filesWithIssues": []},
        {"scansDone": True, "filesWithIssues": {"a": 1}},
        {"status": "done", "issues": []},
    ],
)
def test_what_has_not_the_known_form_is_inconclusive(tmp_path, status):
    assert said(tmp_path, status).outcome == "inconclusive"


def test_an_issue_counts_before_all_scans_are_done_and_whatever_its_form(tmp_path):
    for issue in ("a.bin", {"path": "a.bin"}, {"path": 3, "level": None}, None):
        finding = said(tmp_path, {"scansDone": False, "filesWithIssues": [issue]})
        assert finding.outcome == "found" and finding.rule is SCANNERS
    mild = [{"path": "a.bin", "level": "suspicious"}]
    assert said(tmp_path, {"filesWithIssues": mild}).severity == "warning"
