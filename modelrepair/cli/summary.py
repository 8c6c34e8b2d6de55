"""What a repair measured, as people read it: what was done, what is worth knowing, the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from modelrepair.cli.tables import measures_table
from modelrepair.progress import CALLED

MOST_LINES = 4
"""Of reasons, and of warnings: the manifest and ``--json`` hold all."""


def show_report(document: Mapping[str, Any]) -> list[RenderableType]:
    """The lines and the tables of a `RepairReport`; the one that counts comes last.

    Args:
        document: the report as ``--json`` prints it.
    """
    manifest: Mapping[str, Any] = document["manifest"] or {}
    shown: list[RenderableType] = []
    if manifest:
        shown.append(_what_was_done(manifest))
    shown += few([f"Gate: {reason}" for reason in (document["gate"] or {}).get("reasons", ())])
    shown += few([f"Warning: {warning}" for warning in document["warnings"]])
    for under in manifest.get("templates", ()):
        roles = under["measures"]
        title = f"under the chat template of {under['id']}"
        shown.append(measures_table({CALLED[role]: roles[role] for role in roles}, title))
    measures = document["measures"]
    columns = {title: measures[role] for role, title in CALLED.items() if role in measures}
    if columns:
        shown.append(measures_table(columns))
    return shown


def few(lines: Sequence[str]) -> list[str]:
    """The first lines, and how many more there are.

    >>> few(["a", "b", "c", "d", "e", "f"])[-1]
    'and 2 more; --json shows all'
    """
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"and {more} more; --json shows all"] if more > 0 else [])]


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
    unit = manifest.get("unit") or "entry"
    of_unit = "" if unit == "entry" else f", unit {unit}"
    return (
        f"Masked {manifest['masked_share']:.4%} of the {what[manifest['subject']]}, "
        f"chosen by {scorer['name']} ({scorer['distribution']} {scorer['version']}), "
        f"scope {manifest['scope']}{of_unit}; coverage {manifest['coverage']:.1%}"
    )
