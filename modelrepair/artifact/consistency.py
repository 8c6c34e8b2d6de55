"""The manifest's figures against what they were made from: counts, measures, gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.records import ModelRole
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.budgets import MOST_BUDGET, Budgets
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import DamagedCheckpointError, ModelRepairError
from modelrepair.evaluation.gate import RULES
from modelrepair.evaluation.kinds import left_out
from modelrepair.evaluation.measures import perplexity_change, summarise
from modelrepair.evaluation.results import KINDS, TEXT, ExampleResult
from modelrepair.examples.keys import FAMILIES

_ROUNDING = 1e-9
_ORDER = ("failed", "undecided", "passed")
VERDICT = "'verdict'"
# What every manifest holds. What a later version measures besides is compared where it is there.
_ALWAYS = frozenset(
    {
        "judge", "harmful_score", "refusal_rate", "benign_refusal_rate", "degenerate_rate",
        "utility", "utility_loss", "task_accuracy", "degenerate_by_set", "kinds",
    }
)  # fmt: skip
_DECIDED = ("verdict", "needed", "needed_of_kinds", "backwards", "left_out")
_RULE = (
    "name", "sets", "n", "measured", "budget", "limit", "bound", "worse", "needed",
    "kind", "level", "holds_budget", "holds_limit",
)  # fmt: skip


def check_counts(
    manifest: Manifest, source: Checkpoint, masked: Mapping[str, int]
) -> Iterator[Finding]:
    """Compare the manifest's sites with the source's tensors and what was changed in each.

    >>> list(check_counts(manifest, source, {"w": 12}))  # doctest: +SKIP
    []

    Args:
        manifest: the manifest.
        source: the source's checkpoint.
        masked: how many positions the mask holds for each of its tensors; of a dense edit, how
            many entries of each differ.
    """
    dense = manifest.edit == "dense"
    what, where = ("changed", "the weights have") if dense else ("masked", "the mask has")
    known = {site.name: site for site in manifest.sites}
    if len(known) != len(manifest.sites):
        yield Finding("count", MANIFEST_NAME, None, "a site stands twice")
    for name in masked.keys() - known.keys():
        yield Finding("count", MANIFEST_NAME, name, "the mask names it, the manifest does not")
    for site in manifest.sites:
        entry = source.entries.get(site.name)
        if entry is None or (entry.shape, entry.entries) != (site.shape, site.entries):
            found = f"shape {list(entry.shape)}" if entry else "nothing"
            message = f"the manifest says shape {list(site.shape)}, the source has {found}"
            yield Finding("count", MANIFEST_NAME, site.name, message)
        count = masked.get(site.name, 0)
        if count != site.masked:
            message = f"the manifest says {site.masked} {what} entries, {where} {count}"
            yield Finding("count", MANIFEST_NAME, site.name, message)
    share = sum(masked.values()) / max(1, sum(site.entries for site in manifest.sites))
    if not _close(share, manifest.masked_share):
        message = f"masked_share is {manifest.masked_share:.9g}, {where} {share:.9g}"
        yield Finding("count", MANIFEST_NAME, None, message)


def check_measures(
    out: Path, manifest: Manifest, unknown: Sequence[str] = ()
) -> tuple[list[Finding], int]:
    """Add the verdicts up again: measures and gate must follow; with the examples' number.

    Args:
        out: the repaired model's folder.
        manifest: the manifest, which names the version of the rules that judged.
        unknown: what this version does not know of it; an unknown verdict is not compared.
    """
    if not manifest.measures:
        if VERDICT in unknown:
            return [], 0
        claims = manifest.verdict != "unmeasured" or manifest.gate is not None
        if (out / VERDICTS_NAME).is_file():
            message = "examples were measured, and the manifest holds no measures"
            return [Finding("measure", VERDICTS_NAME, None, message)], 0
        message = f"the verdict is {manifest.verdict}, and nothing was measured"
        return ([Finding("gate", MANIFEST_NAME, None, message)] if claims else []), 0
    try:
        results = read_verdicts(out / VERDICTS_NAME)
    except DamagedCheckpointError as error:
        return [Finding("verdicts", VERDICTS_NAME, None, str(error))], 0
    findings = []
    for role in sorted(results.keys() ^ manifest.measures.keys()):
        where = "verdicts" if role in results else "the manifest"
        message = f"{role!r} is in {where} only"
        findings.append(Finding("measure", VERDICTS_NAME, None, message))
    for role in results.keys() & manifest.measures.keys():
        said = manifest.measures[role]
        made = summarise(results[role], said.judge)
        claimed, counted = asdict(said), asdict(made)
        looked = _ALWAYS if manifest.text is None else _ALWAYS | {"perplexity"}
        for name in sorted(looked | {name for name in claimed if claimed[name] is not None}):
            one, two = claimed[name], counted[name]
            if not _close(one, two):
                message = f"the manifest says {_brief(one)}, the verdicts add up to {_brief(two)}"
                findings.append(Finding("measure", MANIFEST_NAME, f"{role}.{name}", message))
        if manifest.judge is None or said.judge != manifest.judge.name:
            message = f"{role} was judged by {said.judge!r}, not by the manifest's judge"
            findings.append(Finding("measure", MANIFEST_NAME, None, message))
    findings += check_examples(manifest, results)
    if manifest.rules in RULES:
        findings += _check_gate(manifest, results, VERDICT not in unknown)
    return findings, sum(len(rows) for rows in results.values())


def _check_gate(
    manifest: Manifest, results: Mapping[Any, Any], verdict_known: bool
) -> Iterator[Finding]:
    if not {"before", "after"} <= results.keys():
        message = f"the verdict is {manifest.verdict}, but source or result was not measured"
        yield Finding("gate", MANIFEST_NAME, None, message)
        return
    answered = any(row.verdict is not None for rows in results.values() for row in rows)
    if manifest.verdict == "unmeasured" and manifest.gate is None and not answered:
        return  # --answer-later: no answer was judged, and nothing is claimed of any
    if manifest.gate is None:
        yield Finding("gate", MANIFEST_NAME, None, "source and result were measured, and no gate")
    budgets = _budgets(manifest)
    if budgets is None:
        yield Finding("gate", MANIFEST_NAME, None, "budgets that this version does not know")
        return
    try:
        decide = RULES[manifest.rules]
        gate = decide(results["before"], results["after"], results.get("reference"), budgets)
    except ModelRepairError as error:
        yield Finding("gate", VERDICTS_NAME, None, str(error))
        return
    if verdict_known and manifest.verdict not in _ORDER[: _ORDER.index(gate.verdict) + 1]:
        message = f"the manifest says {manifest.verdict}, the verdicts say {gate.verdict}"
        yield Finding("gate", MANIFEST_NAME, None, message)
    if gate.reasons and manifest.gate is not None and not manifest.gate.get("reasons"):
        yield Finding("gate", MANIFEST_NAME, None, f"leaves out why it is {gate.verdict}")
    if manifest.gate is not None and not _close(_numbers(manifest.gate), _numbers(gate.to_json())):
        message = "its rules are not those that follow from the verdicts"
        yield Finding("gate", MANIFEST_NAME, None, message)


def _numbers(gate: Mapping[str, Any]) -> dict[str, Any]:
    """What the gate decided; how it says so may be worded better by a later version."""
    rules = gate.get("rules")
    return {
        **{name: gate.get(name) for name in _DECIDED},
        "rules": [
            {name: rule.get(name) for name in _RULE} if isinstance(rule, Mapping) else rule
            for rule in (rules if isinstance(rules, list) else [])
        ],
    }


def _budgets(manifest: Manifest) -> Budgets | None:
    given = manifest.settings.get("budgets", {})
    known = {field.name for field in fields(Budgets)}
    if not isinstance(given, dict) or not given.keys() <= known:
        return None
    numbers: dict[str, Any] = dict(given)
    if not all(type(n) in (int, float) and 0 <= n <= MOST_BUDGET for n in numbers.values()):
        return None
    return Budgets(**numbers)


def _close(one: Any, two: Any) -> bool:
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, int | float) and isinstance(two, int | float):
        return abs(one - two) <= _ROUNDING * max(1.0, abs(one), abs(two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_close(one[name], two[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(_close(*pair) for pair in zip(one, two, strict=True))
    return bool(one == two)


def _brief(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        return f"{value['value']:.6g} (n = {value['n']})"
    return str(value)


_FAMILY = {"harmful": FAMILIES[0], "borderline": FAMILIES[1], "utility": FAMILIES[2]}


def check_examples(
    manifest: Manifest, results: Mapping[ModelRole, Sequence[ExampleResult]]
) -> Iterator[Finding]:
    """Compare how many examples were measured with how many the sets had for the report.

    >>> list(check_examples(manifest, read_verdicts(path)))  # doctest: +SKIP
    []
    """
    for role, rows in results.items():
        for name, count in Counter(row.set for row in rows if row.set in _FAMILY).items():
            given = [manifest.sets[key] for key in _FAMILY[name] if key in manifest.sets]
            given += [
                manifest.sets[key.tested] for key in _FAMILY[name] if key.tested in manifest.sets
            ]
            most = sum(each.counts.get("report", 0) for each in given)
            if given and count > most:
                message = f"{role}: {count} examples of {name}, the sets had {most}"
                yield Finding("measure", VERDICTS_NAME, None, message)
    yield from _check_kinds(manifest, results)
    yield from _check_text(manifest, results)


def _check_kinds(
    manifest: Manifest, results: Mapping[ModelRole, Sequence[ExampleResult]]
) -> Iterator[Finding]:
    before = results.get("before", ())
    found = Counter(row.kind for row in before if row.kind is not None and row.verdict is not None)
    said = {name: kind.examples for name, kind in manifest.kinds.items() if kind.examples}
    if found != said:
        message = f"before: kinds {dict(found)}, the manifest says {said}"
        yield Finding("measure", VERDICTS_NAME, None, message[:300])
    out = {name for name, kind in manifest.kinds.items() if kind.left_out and kind.examples}
    if out != set(left_out(before)):
        message = f"kinds left out: {sorted(out)}, by the verdicts {left_out(before)}"
        yield Finding("measure", MANIFEST_NAME, None, message[:300])
    for role, rows in results.items():
        if strange := {row.kind for row in rows if row.set == KINDS} - manifest.kinds.keys():
            message = f"{role}: {len(strange)} kinds that the manifest does not name"
            yield Finding("measure", VERDICTS_NAME, None, message)


def _check_text(
    manifest: Manifest, results: Mapping[ModelRole, Sequence[ExampleResult]]
) -> Iterator[Finding]:
    """Passages, tokens and change of perplexity; losses can't be had again without the model."""
    said = manifest.text
    wanted = (0, 0) if said is None else (said.passages, said.tokens)
    for role, rows in results.items():
        counted = [row.counted or 0 for row in rows if row.set == TEXT]
        found = len(counted), sum(counted)
        # A reference may have a tokenizer of its own.
        if found != wanted and not (role == "reference" and said is not None):
            message = f"{role}: passages and tokens {found}, the manifest says {wanted}"
            yield Finding("measure", VERDICTS_NAME, None, message)
    if said is None or not {"before", "after"} <= results.keys():
        return
    made = perplexity_change(results["before"], results["after"])
    one, two = (None if each is None else asdict(each) for each in (said.change, made))
    if not _close(one, two):
        message = f"the manifest says {_brief(one)}, the verdicts add up to {_brief(two)}"
        yield Finding("measure", MANIFEST_NAME, "text.change", message)
