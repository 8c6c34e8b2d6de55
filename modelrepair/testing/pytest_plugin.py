"""The plug-in of pytest: says how many checks ran, and writes the record to a file.

pytest imports this module whenever it starts, so it imports nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from modelrepair.testing.record import Record, Result

OPTION, INI = "--modelrepair-record", "modelrepair_record"


@dataclass(frozen=True)
class Ran:
    """What the test of a check leaves for the report.

    Args:
        about: the record of its plug-in, without results.
        result: what became of the check.
    """

    about: Record
    result: Result


RAN = pytest.StashKey[Ran]()
"""Where a test of the kit leaves what became of its check."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and the setting of the same use."""
    about = "Write the records of the conformance classes that ran to this file, as JSON."
    group = parser.getgroup("modelrepair", "conformance kit of modelrepair")
    group.addoption(OPTION, metavar="FILE", default=None, help=about)
    parser.addini(INI, about, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the reports."""
    config.pluginmanager.register(_Recorder(config), "modelrepair-record")


@dataclass(eq=False)  # pytest hashes its plug-ins
class _Recorder:
    """Gathers what became of checks, in the process that workers report to."""

    config: pytest.Config
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what became of a check into the report, which a worker sends as JSON."""
        report = yield
        check = getattr(getattr(item, "function", None), "check", None)
        kind = getattr(getattr(item, "cls", None), "kind", None)
        if not isinstance(check, str) or not isinstance(kind, str):
            return report
        ran = item.stash.get(RAN, None)
        if report.when == "call" and ran is not None:
            result, about = ran.result.model_dump(), ran.about.to_json()
        elif report.when == "setup" and report.outcome != "passed":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "not set up"
            result, about = {"id": check, "outcome": report.outcome, "reason": reason}, {}
        else:
            return report
        name = item.cls.name  # type: ignore[attr-defined]
        report.modelrepair = {  # type: ignore[attr-defined]
            "class": item.nodeid.rpartition("::")[0],
            "about": {"kind": kind, "name": name, **about},
            "result": result,
        }
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what became of a check."""
        said = getattr(report, "modelrepair", None)
        if said is not None:
            about, results = self.found.setdefault(said["class"], ({}, {}))
            about.update(said["about"])
            results[said["result"]["id"]] = said["result"]  # the last of a test that is run again

    def pytest_sessionfinish(self) -> None:
        """Write the records, where a file is named; a worker leaves that to its controller."""
        given = self.config.getoption(OPTION) or self.config.getini(INI)
        if given and not hasattr(self.config, "workerinput"):
            path = self.config.invocation_params.dir / Path(given)
            text = json.dumps([record.to_json() for record in self._records()], indent=2)
            path.write_text(f"{text}\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many checks ran on each plug-in."""
        if self.found:
            terminalreporter.section("conformance kit of modelrepair")
            for record in self._records():
                terminalreporter.write_line(record.summary)

    def _records(self) -> list[Record]:
        if not self.found:
            return []
        from modelrepair.testing.checks import KIT
        from modelrepair.testing.kinds import KINDS
        from modelrepair.testing.record import Record
        from modelrepair.version import version

        # Of a class none of whose tests could run, the package is not known.
        default = {
            "kit": KIT,
            "modelrepair": version(),
            "distribution": "?",
            "version": "?",
        }
        records = []
        for _, (about, results) in sorted(self.found.items()):
            # In the kit's order: workers mix them.
            checks = KINDS[about["kind"]].checks
            ran = [results[check.id] for check in checks if check.id in results]
            records.append(Record.from_json({**default, **about, "checks": ran}))
        return records
