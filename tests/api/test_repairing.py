"""A repair and its push: the report is there before the push, which may fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair.api import repairing
from modelrepair.errors import HubError
from modelrepair.pipeline.reports import RepairReport
from modelrepair.progress import Progress
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.settings import Settings


@pytest.fixture
def repaired(monkeypatch):
    """A repair that ends with this verdict, and a push that the network stops."""

    def end(verdict: str) -> list[RepairReport]:
        manifest = SimpleNamespace(verdict=verdict)
        report = RepairReport(verdict, Path("out"), manifest, None, {})
        monkeypatch.setattr("modelrepair.pipeline.repair.run", lambda *given, **options: report)

        def push(*given):
            raise HubError("the connection broke", hint="finish it with: modelrepair push out")

        monkeypatch.setattr(repairing, "push_folder", push)
        return [report]

    return end


def test_the_report_is_there_before_a_push_that_fails(repaired):
    expected, shown = repaired("passed"), []
    with pytest.raises(HubError, match="connection broke"):
        repairing.repair_and_push(
            Settings("user/model"), None, Progress(), PushOptions(), reported=shown.append
        )
    assert shown == expected


@pytest.mark.parametrize("verdict", ["failed", "undecided", "unmeasured"])
def test_what_is_not_pushed_says_why_and_names_no_force(repaired, verdict):
    repaired(verdict)
    report = repairing.repair_and_push(Settings("user/model"), None, Progress(), PushOptions())
    assert report.pushed is None
    (said,) = report.warnings
    assert said.startswith("not pushed: ")
    assert "--force" not in said
