"""Audits as one page for a browser: what was found, with its evidence; what was not looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from modelrepair.auditing.addresses import RULES_PAGE, address_of, hub, on_hub
from modelrepair.auditing.behaviour import shown as behaviour_shown
from modelrepair.auditing.difference.difference import Difference
from modelrepair.auditing.results import Audit
from modelrepair.auditing.rule import SEVERITIES, STAGES, Finding, Outcome, listed
from modelrepair.text.heat_map import HeatMap, percent
from modelrepair.text.page import render
from modelrepair.text.units import in_bytes
from modelrepair.version import version

MOST_FILES = 20
"""Files of a finding that are named."""
LONGEST = 4000
"""Letters of one value of the evidence; the JSON of the audit holds all."""
COLUMNS = ("error", "warning", "note", "inconclusive", "clear")
"""What a row of the list counts."""
OPTIONS = {"difference": "--deep", "proof": "--proof", "behaviour": "--measure"}
"""What asks for a stage that does not run by default."""


@dataclass(frozen=True)
class FindingPart:
    """A finding as the page shows it.

    Args:
        id: of the rule.
        name: of the rule.
        stage: of the rule.
        outcome: found, clear or inconclusive.
        severity: of this case.
        message: what is so.
        means: what the rule means.
        do: what to do about it.
        address: where the rule is explained; empty where the project has no address.
        files: in one line.
        diffs: name → lines, shown as a diff.
        evidence: name, text, and whether it is long.
    """

    id: str
    name: str
    stage: str
    outcome: str
    severity: str
    message: str
    means: str
    do: str
    address: str
    files: str
    diffs: Sequence[tuple[str, Sequence[str]]]
    evidence: Sequence[tuple[str, str, bool]]

    @property
    def kind(self) -> str:
        """Its colour."""
        return self.severity if self.outcome == "found" else self.outcome

    @property
    def label(self) -> str:
        """Its outcome in words."""
        return f"found: {self.severity}" if self.outcome == "found" else self.outcome


@dataclass(frozen=True)
class ModelPart:
    """A model as the page shows it.

    Args:
        id: of its place on the page.
        name: of the model.
        compared: its base.
        address: of the model on the Hub, at its commit.
        failed: whether it could not be looked at.
        error: why.
        hint: what to do about that.
        counts: how many findings of each of `COLUMNS`.
        missing: stages that were not run.
        facts: name and text.
        stages: each with whether it ran, and what asks for it.
        groups: title and findings, the gravest first.
        clear: what is clear.
        maps: the difference by layer.
        outside: the difference of tensors outside of the layers.
        measured: the rows of the measures; empty where none were taken.
        measured_with: name and text, of the measures.
    """

    id: str
    name: str
    compared: str = "–"
    address: str = ""
    failed: bool = False
    error: str = ""
    hint: str = ""
    counts: Sequence[tuple[str, int]] = ()
    missing: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    stages: Sequence[tuple[str, bool, str]] = ()
    groups: Sequence[tuple[str, Sequence[FindingPart]]] = ()
    clear: Sequence[FindingPart] = ()
    maps: Sequence[HeatMap] = ()
    outside: Sequence[Sequence[str]] = field(default=())
    measured: Sequence[Sequence[str]] = ()
    measured_with: Sequence[tuple[str, str]] = ()


def to_html(audits: Iterable[Audit], made: datetime | None = None) -> str:
    """The audits as one page that opens from disk.

    >>> "not run" in to_html([Audit("user/model", ran=("metadata",))])
    True

    Args:
        audits: of one model or of many.
        made: when; now by default.
    """
    looked_at = list(audits)
    models = [model_part(audit, f"model-{index}") for index, audit in enumerate(looked_at, 1)]
    when = (made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    name = f"Audit of {models[0].name}" if len(models) == 1 else f"Audit of {len(models)} models"
    return render(
        "audit.html.jinja",
        "modelrepair.auditing",
        title=name,
        made_by=f"modelrepair {version()}, {when}",
        totals=_totals(models),
        outcomes=[("found", "found"), ("inconclusive", "inconclusive"), ("clear", "clear"),
                  ("error", "not looked at")],
        severities=SEVERITIES,
        stages=STAGES,
        columns=COLUMNS,
        measured_columns=behaviour_shown.COLUMNS,
        models=models,
        rules_page=RULES_PAGE,
    )  # fmt: skip


def model_part(audit: Audit, id: str) -> ModelPart:
    """One model.

    >>> model_part(Audit("user/model", ran=("metadata",)), "model-1").missing[:2]
    ['structure', 'lineage']

    Args:
        audit: of the model.
        id: of its place on the page.
    """
    if audit.error is not None:
        return ModelPart(id, audit.name, failed=True, error=str(audit.error), hint=audit.error.hint)
    by_outcome = {each: _parts(audit, each) for each in ("found", "inconclusive", "clear")}
    groups = [("Found", by_outcome["found"]), ("Inconclusive", by_outcome["inconclusive"])]
    shown = [each.kind for findings in by_outcome.values() for each in findings]
    stages = [(stage, stage in audit.ran, f" ({OPTIONS[stage]})" if stage in OPTIONS else "")
              for stage in STAGES]  # fmt: skip
    return ModelPart(
        id,
        audit.name,
        compared=audit.base.name if audit.base else "–",
        address=hub() + on_hub(audit.name, audit.commit) if audit.commit else "",
        counts=[(each, shown.count(each)) for each in COLUMNS],
        missing=[stage for stage in STAGES if stage not in audit.ran],
        facts=_facts(audit),
        stages=stages,
        groups=groups,
        clear=by_outcome["clear"],
        maps=[] if audit.difference is None else maps(audit.difference),
        outside=[] if audit.difference is None else outside(audit.difference),
        measured=[] if audit.behaviour is None else behaviour_shown.rows(audit.behaviour),
        measured_with=[] if audit.behaviour is None else behaviour_shown.facts(audit.behaviour),
    )


def maps(difference: Difference) -> list[HeatMap]:
    """The difference by layer and projection; of several tensors in one place the largest.

    >>> maps(Difference(()))
    []
    """
    named = {"share of changed entries": "changed", "norm, relative to the base's": "norm",
             "share of the change along one direction": "top_share"}  # fmt: skip
    removed = {(each.layer, each.projection) for each in difference.tensors
               if each.layer is not None and each.reading == "removed"}  # fmt: skip
    found = []
    for title, name in named.items():
        values: dict[tuple[int, str], float] = {}
        for each in difference.tensors:
            value = getattr(each, name)
            if each.layer is not None and value is not None:
                key = (each.layer, each.projection)
                values[key] = max(value, values.get(key, 0.0))
        if any(values.values()):
            found.append(HeatMap(title, values, removed & values.keys()))
    return found


def outside(difference: Difference) -> list[list[str]]:
    """The figures of tensors outside of the layers.

    >>> outside(Difference(()))
    []
    """
    return [
        [each.name, *("–" if value is None else percent(value)
                      for value in (each.changed, each.norm, each.top_share))]
        for each in difference.tensors
        if each.layer is None
    ]  # fmt: skip


def _parts(audit: Audit, outcome: Outcome) -> list[FindingPart]:
    return [_part(each) for each in audit.outcome(outcome)]


def _part(finding: Finding) -> FindingPart:
    rule = finding.rule
    diffs = _diffs(finding.evidence.get("diff"))
    rest = {name: value for name, value in finding.evidence.items()
            if name != "diff" or not diffs}  # fmt: skip
    return FindingPart(
        rule.id,
        rule.name,
        rule.stage,
        finding.outcome,
        finding.severity,
        finding.message,
        rule.means,
        rule.do,
        address_of(rule) or "",
        listed(finding.files, MOST_FILES),
        diffs,
        [_row(name, value) for name, value in rest.items()],
    )


def _diffs(value: object) -> list[tuple[str, list[str]]]:
    """What `templates` shows as a diff: name → lines; nothing where it is of another form."""
    if not isinstance(value, Mapping):
        return []
    found = [(str(name), lines) for name, lines in value.items() if isinstance(lines, list)]
    return [(name, [str(line) for line in lines]) for name, lines in found]


def _row(name: str, value: Any) -> tuple[str, str, bool]:
    """A name of the evidence with its value as text, and whether that needs a block."""
    text = _plain(value)
    if text is None and isinstance(value, (list, tuple)):
        parts = [_plain(each) for each in value]
        text = None if None in parts else ", ".join(map(str, parts)) or "none"
    if text is None and isinstance(value, Mapping):
        named = {key: _plain(each) for key, each in value.items()}
        text = None if None in named.values() else _pairs(named)
    if text is None:
        text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} … {len(text) - LONGEST:,} more"
    return name, shown, len(shown) > 120 or "\n" in shown


def _plain(value: Any) -> str | None:
    """A single value as text; None where it is made of several."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, (int, str)) else None


def _pairs(named: Mapping[str, str | None]) -> str:
    return ", ".join(f"{key}: {text}" for key, text in named.items()) or "none"


def _facts(audit: Audit) -> list[tuple[str, str]]:
    base = audit.base
    compared = "nothing" if base is None else f"{base.name}, named by {base.named_by}"
    read = ", ".join(f"{in_bytes(count)} of the {side}" for side, count in audit.fetched.items())
    facts = {
        "Commit": audit.commit or "",
        "Compared with": compared,
        "Commit of the base": (base.commit or "") if base else "",
        "Read": read,
        "Seed": "" if audit.seed is None else str(audit.seed),
    }
    return [(name, text) for name, text in facts.items() if text]


def _totals(models: Sequence[ModelPart]) -> list[tuple[str, str]]:
    """Over all models: what was found, by severity, and what was not looked at."""
    failed = sum(model.failed for model in models)
    counts = {name: sum(dict(model.counts).get(name, 0) for model in models) for name in COLUMNS}
    totals = [(name, f"{counts[name]:,} found: {name}") for name in ("error", "warning", "note")]
    totals += [(name, f"{counts[name]:,} {name}") for name in ("inconclusive", "clear")]
    stages = [stage for stage in STAGES if any(stage in model.missing for model in models)]
    totals += [("missing", f"not run: {', '.join(stages)}")] if stages else []
    totals += [("missing", f"{failed:,} not looked at")] if failed else []
    return totals
