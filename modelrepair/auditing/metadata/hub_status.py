"""Stage 1, the Hub's own scanners: what they say of a repository, read as a stranger's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.text.printable import printable

SCANNERS = Rule(
    "MR-HUB-001",
    "metadata",
    "error",
    "hub-scanners",
    "a scanner of the Hub's reports an issue in a file",
    "open the file's page on the Hub, which shows what each scanner says; do not load the file",
)

_SUSPICIOUS = ("suspicious", "caution")
"""Levels that are less than unsafe."""


def scanners(context: Context) -> Finding:
    """What the Hub's scanners say; a folder has no such status, so the rule does not apply to it.

    The answer has been renamed before. What does not have the known form is inconclusive.
    """
    hub = context.target.hub
    if hub is None:
        return SCANNERS.not_applicable("a folder here has no status on the Hub")
    status = hub.security
    if not isinstance(status, Mapping):
        return SCANNERS.inconclusive("the Hub gives no status of its scanners")
    issues = status.get("filesWithIssues")
    if not isinstance(issues, list):
        return SCANNERS.inconclusive("the Hub's status has no list of files", keys=sorted(status))
    if issues:
        # What was found counts, whether or not the other scans are done.
        files = [_path(each) for each in issues]
        levels = sorted({_level(each) for each in issues})
        mild = all(level in _SUSPICIOUS for level in levels)
        return SCANNERS.found(
            f"the Hub's scanners report {', '.join(levels)}: {listed(files)}",
            files=[name for name in files if name in context.target.files],
            severity="warning" if mild else "error",
            levels=levels,
            issues=len(issues),
        )
    if status.get("scansDone") is not True:
        return SCANNERS.inconclusive("the Hub's scans are not done yet")
    return SCANNERS.clear("the Hub's scans are done and report no file")


def _path(issue: Any) -> str:
    named = issue.get("path") if isinstance(issue, Mapping) else issue
    return printable(named) if isinstance(named, str) else "a file without a name"


def _level(issue: Any) -> str:
    level = issue.get("level") if isinstance(issue, Mapping) else None
    return printable(level)[:40] if isinstance(level, str) else "an issue"


CHECKS: tuple[Check[Context], ...] = ((SCANNERS, scanners),)
