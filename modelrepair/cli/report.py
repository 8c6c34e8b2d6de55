"""A repair as people read it: the verdict first, then the measures, then what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from modelrepair.cli.tables import measures_table

COLUMNS = {"before": "source", "reference": "reference", "after": "repaired"}
VERDICTS = {
    "passed": "passed: every budget and every confidence limit of the gate holds",
    "failed": "failed: a budget of the gate is missed",
    "undecided": "undecided: the budgets hold, but there are too few examples to be sure",
    "unmeasured": "unmeasured: nobody looked at what the repair does",
    "nothing to repair": "nothing to repair: the source hardly answers harmfully; nothing written",
    "backwards": "the repair works backwards: it does harm instead of removing it; nothing written",
}


def show_repair(
    report: Any, *, source: str, reference: str, base: str | None = None
) -> list[RenderableType]:
    """The lines and the table of a `RepairReport`."""
    document = report.to_json()
    shown: list[RenderableType] = []
    if document.get("nothing_to_do"):
        shown.append(f"Nothing to do: {report.out} holds this repair already")
    shown += [f"Verdict: {VERDICTS.get(report.verdict, report.verdict)}"]
    gate = document["gate"] or {}
    shown += [f"  {reason}" for reason in gate.get("reasons", ())]
    if gate.get("needed"):
        shown.append(f"  {gate['needed']} report examples in each set would decide")
    shown += [f"Next: {idea}" for idea in document["next"]]
    measures = document["measures"]
    columns = {title: measures[role] for role, title in COLUMNS.items() if role in measures}
    if columns:
        shown.append(measures_table(columns))
    manifest: Mapping[str, Any] = document["manifest"] or {}
    for under in manifest.get("templates", ()):
        roles = under["measures"]
        title = f"under the chat template of {under['id']}"
        shown.append(measures_table({COLUMNS[role]: roles[role] for role in roles}, title))
    if manifest:
        shown.append(_what_was_done(manifest))
    shown += [f"Warning: {warning}" for warning in document["warnings"]]
    if report.out is not None:
        shown.append(f"Written to {report.out}")
        command = verify_command(report.out, source, reference, manifest, base)
        shown.append(f"Check it:  {command}")
    if pushed := document.get("pushed"):
        shown += show_push(pushed)
    return shown


def show_push(pushed: Mapping[str, Any]) -> list[RenderableType]:
    """The lines of a `PushReport`.

    >>> show_push({"nothing_to_push": True, "url": "https://huggingface.co/me/m"})
    ['Nothing to push: https://huggingface.co/me/m holds this repair already']
    """
    if pushed["nothing_to_push"]:
        return [f"Nothing to push: {pushed['url']} holds this repair already"]
    gated = f", gated ({pushed['gated']})" if pushed["gated"] else ""
    seen = "private" if pushed["private"] else "public"
    lines: list[RenderableType] = [
        f"Pushed {len(pushed['pushed'])} files to {pushed['url']} "
        f"({pushed['kind']}, {pushed['revision']}, {seen}{gated})"
    ]
    if pushed["repair_of"] is not None:
        lines.append(f"Replaced the repair of {pushed['repair_of'][:10]}")
    lines += [f"Deleted there: {name}" for name in pushed["deleted"]]
    beside = [each["file"] for each in pushed["kept"] if each["verify"] is not None]
    if beside:
        lines.append(f"Beside it, and verify will fail: {', '.join(beside)}")
    return lines


def verify_command(
    out: Any, source: str, reference: str, manifest: Mapping[str, Any], base: str | None = None
) -> str:
    """The command by which the repair can be checked here, with the places as they were typed.

    >>> verify_command("mine-repaired", "mine", "./base", {"subject": "delta"})
    'modelrepair verify mine-repaired --source mine --reference ./base'
    """
    words = ["modelrepair", "verify", str(out), "--source", source]
    if manifest.get("subject") == "delta":
        if reference == "auto":
            reference = base or manifest["reference"]["id"]
        words += ["--reference", reference]
    if manifest.get("adapter"):
        words += ["--base", base or manifest["base"]["id"]]
    return shlex.join(words)


def _what_was_done(manifest: Mapping[str, Any]) -> str:
    if repairer := manifest.get("repairer"):
        return (
            f"Changed {manifest['masked_share']:.4%} of the weights, by {repairer['name']} "
            f"({repairer['distribution']} {repairer['version']}) at {repairer['strength']:g}; "
            f"coverage {manifest['coverage']:.1%}"
        )
    scorer = manifest["scorer"]
    against = f" from {manifest['reference']['id']}" if manifest.get("reference") else ""
    what = {"delta": f"difference{against}", "weight": "weights", "factor": "adapter's factors"}
    return (
        f"Masked {manifest['masked_share']:.4%} of the {what[manifest['subject']]}, "
        f"chosen by {scorer['name']} ({scorer['distribution']} {scorer['version']}), "
        f"scope {manifest['scope']}; coverage {manifest['coverage']:.1%}"
    )
