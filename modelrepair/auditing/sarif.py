"""Audits as SARIF 2.1.0, the format of code scanners.

One run holds all models of a command: GitHub's code scanning takes 20 runs of a file at most, and
25,000 results of a run. It reads no ``kind`` and shows a rule that is clear as an alert, so what is
uploaded there is filtered first; docs/audit-formats.md has the line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from modelrepair.auditing.addresses import address_of, hub, in_folder, on_hub, path_of
from modelrepair.auditing.checks import RULES
from modelrepair.auditing.extra import extra
from modelrepair.auditing.results import NOT_RUN, Audit
from modelrepair.auditing.rule import STAGES, Finding, Outcome, Rule
from modelrepair.text.printable import printable
from modelrepair.version import project_address, version

if TYPE_CHECKING:
    from sarif_pydantic import sarif

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
MOST_LOCATIONS = 100
"""Places of a finding: GitHub shows no more. All of its files stand in its properties."""
KINDS: Mapping[Outcome, str] = {"found": "fail", "clear": "pass", "inconclusive": "open"}
NOT_APPLICABLE = "notApplicable"
_LINK = re.compile(r"\[(?=[^\]]*\]\()")
"""Where a viewer would see a link in a plain text."""


def to_sarif(audits: Iterable[Audit]) -> dict[str, Any]:
    """The audits as one SARIF log with one run.

    >>> log = to_sarif([Audit("user/model", "c0ffee", ran=("metadata",),
    ...     findings=(RULES["MR-FIL-001"].found("pickles: a.bin", files=["a.bin"]),))])
    >>> result = log["runs"][0]["results"][0]
    >>> result["ruleId"], result["kind"], result["level"]
    ('MR-FIL-001', 'fail', 'error')

    Args:
        audits: of one model or of many.

    Raises:
        UsageError: the extra ``audit`` is not installed.
    """
    with extra("sarif_pydantic", "sarif"):
        from sarif_pydantic import sarif
    looked_at = list(audits)
    rules = list(RULES.values())
    driver = sarif.ToolDriver(
        name="modelrepair",
        version=version(),
        information_uri=project_address(),
        rules=[_descriptor(rule) for rule in rules],
        notifications=[
            sarif.ReportingDescriptor(id=id, short_description=sarif.Message(text=text))
            for id, text in _NOTIFICATIONS.items()
        ],
    )
    place = {rule.id: index for index, rule in enumerate(rules)}
    invocation = sarif.Invocation(
        execution_successful=all(audit.error is None for audit in looked_at),
        # A field of the standard that the library does not declare.
        toolExecutionNotifications=[each for audit in looked_at for each in _notifications(audit)],
    )
    run = sarif.Run(
        tool=sarif.Tool(driver=driver),
        automation_details=sarif.RunAutomationDetails(id="modelrepair/audit/"),
        invocations=[invocation],
        original_uri_base_ids={"HUB": sarif.ArtifactLocation(uri=hub())},
        version_control_provenance=_provenance(looked_at),
        results=[
            _result(audit, finding, place[finding.rule.id])
            for audit in looked_at
            for finding in audit.findings
        ],
    )
    log = sarif.Sarif(**{"$schema": SCHEMA}, runs=[run])
    document: dict[str, Any] = log.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


_NOTIFICATIONS = {
    "stage-not-run": "A stage of the audit was not asked for: nothing is said of what it looks at.",
    "not-looked-at": "A model could not be looked at.",
}


def _descriptor(rule: Rule) -> sarif.ReportingDescriptor:
    from sarif_pydantic import sarif

    help = f"{rule.means[:1].upper()}{rule.means[1:]}. What to do: {rule.do}. See {path_of(rule)}."
    return sarif.ReportingDescriptor(
        id=rule.id,
        name=rule.name,
        short_description=sarif.Message(text=rule.means),
        full_description=sarif.Message(text=rule.means),
        help=sarif.Message(text=help),
        help_uri=address_of(rule),
        default_configuration=sarif.ReportingConfiguration(level=rule.severity),
        properties={"stage": rule.stage, "tags": [rule.stage]},
    )


def _result(audit: Audit, finding: Finding, index: int) -> sarif.Result:
    from sarif_pydantic import sarif

    applies = finding.evidence.get("applicable", True)
    kind = KINDS[finding.outcome] if applies else NOT_APPLICABLE
    # SARIF has no level but "none" for what did not fail.
    level = sarif.Level(finding.severity if kind == "fail" else "none")
    return sarif.Result(
        rule_id=finding.rule.id,
        rule_index=index,
        kind=kind,
        level=level,
        message=_message(f"{audit.name}: {finding.message}"),
        locations=_locations(audit, finding.files),
        partial_fingerprints={"primaryLocationLineHash": _fingerprint(audit.name, finding)},
        properties={
            "model": audit.name,
            "commit": audit.commit,
            "base": None if audit.base is None else audit.base.name,
            "stage": finding.rule.stage,
            "severity": finding.severity,
            "files": list(finding.files),
            "evidence": dict(finding.evidence),
        },
    )


def _place(audit: Audit, file: str) -> sarif.ArtifactLocation:
    """Of a repository, the page at its commit.

    Relative to the Hub, for GitHub takes no scheme but the one of its checkout.
    """
    from sarif_pydantic import sarif

    if audit.commit is None:
        return sarif.ArtifactLocation(uri=in_folder(audit.name, file))
    return sarif.ArtifactLocation(uri=on_hub(audit.name, audit.commit, file), uri_base_id="HUB")


def _locations(audit: Audit, files: Sequence[str]) -> list[sarif.Location]:
    """The files of a finding, or the model where it is of no file; GitHub asks for one at least."""
    from sarif_pydantic import sarif

    named = [sarif.LogicalLocation(name=printable(audit.name), kind="resource")]
    return [
        sarif.Location(
            physical_location=sarif.PhysicalLocation(
                artifact_location=_place(audit, each),
                region=sarif.Region(start_line=1) if each.endswith(_TEXT) else None,
            ),
            logical_locations=named,
        )
        for each in list(files)[:MOST_LOCATIONS] or [""]
    ]


_TEXT = (".json", ".py", ".md", ".jinja", ".txt", ".yaml", ".yml")
"""Files in which a first line is a place."""


def _notifications(audit: Audit) -> list[sarif.Notification]:
    """What was not looked at: the whole model, or the stages that were not asked for."""
    from sarif_pydantic import sarif

    def notification(id: str, level: str, text: str, about: dict[str, Any]) -> sarif.Notification:
        index = list(_NOTIFICATIONS).index(id)
        return sarif.Notification(
            descriptor=sarif.ReportingDescriptorReference(id=id, index=index),
            level=sarif.Level(level),
            message=_message(f"{audit.name}: {text}"),
            properties={"model": audit.name, **about},
        )

    if audit.error is not None:
        error = audit.error
        said = f"not looked at: {error}; {error.hint}"
        about = {"error": error.id, "exitCode": error.exit_code}
        return [notification("not-looked-at", "error", said, about)]
    return [
        notification("stage-not-run", "note", f"stage {stage} was {NOT_RUN}", {"stage": stage})
        for stage in STAGES
        if stage not in audit.ran
    ]


def _provenance(audits: Sequence[Audit]) -> list[sarif.VersionControlDetails] | None:
    from sarif_pydantic import sarif

    seen = {(each.name, each.commit) for each in audits if each.commit is not None}
    found = [
        sarif.VersionControlDetails(repository_uri=hub() + quote(name), revision_id=commit)
        for name, commit in sorted(seen, key=str)
    ]
    return found or None


def _message(text: str) -> sarif.Message:
    """Plain text: no control characters, and no link that a viewer would follow."""
    from sarif_pydantic import sarif

    return sarif.Message(text=_LINK.sub(r"\\[", printable(text)))


def _fingerprint(model: str, finding: Finding) -> str:
    """The same for the same rule, model and files at every commit, so that an alert stays one."""
    parts = "\0".join([finding.rule.id, model, *sorted(finding.files)])
    return f"{hashlib.sha256(parts.encode()).hexdigest()[:16]}:1"
