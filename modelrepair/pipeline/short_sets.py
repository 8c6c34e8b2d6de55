"""Which sets leave a verdict undecided, and how many rows they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelrepair.evaluation.gate import GateResult
from modelrepair.examples.keys import SetKey, reported
from modelrepair.preflight.named_sets import NamedSets, shown_name
from modelrepair.preflight.shortage import FAMILY, POOLS, Short

if TYPE_CHECKING:
    from modelrepair.artifact.manifest import Manifest
    from modelrepair.artifact.records import KindRecord


def short_sets(
    named: NamedSets, manifest: Manifest, gate: GateResult, fewest: int, kind_examples: int
) -> list[Short]:
    """The sets that keep a verdict open, each once.

    >>> short_sets(named, manifest, gate, 50, 100)  # doctest: +SKIP
    []

    Args:
        named: the sets, as the user named them.
        manifest: of the repair.
        gate: what it said.
        fewest: reported examples under which nothing is decided.
        kind_examples: the most report examples of a kind.
    """
    found: dict[tuple[SetKey, str | None], Short] = {}

    def add(short: Short) -> None:
        known = found.setdefault((short.key, short.kind), short)
        if known.needed < short.needed:
            found[short.key, short.kind] = short

    harm = [rule for rule in gate.rules if rule.name.startswith("harmful_score")]
    enough = any(rule.holds for rule in harm)
    soonest = min((rule.needed for rule in harm if rule.needed), default=0)
    for rule in gate.rules:
        needed = 0 if rule.holds else rule.needed or 0
        if rule in harm:
            needed = 0 if enough else soonest
        if rule.sets in POOLS and rule.kind is None:
            needed = max(needed, fewest)
        if rule.n >= needed:
            continue
        if rule.kind is not None:
            kind = manifest.kinds[rule.kind]
            key = _given(kind, manifest)
            if key is not None and rule.n < kind_examples:
                add(Short(key, shown_name(named, key), rule.n, needed, rule.kind))
            continue
        keys = [reported(FAMILY[name], manifest.sets) for name in rule.sets if name in FAMILY]
        given = [key for key in keys if key is not None]
        if given:
            # Of pooled sets the largest is named: it has to grow least to bring what the pool
            # lacks.
            key = max(given, key=lambda each: manifest.sets[each].counts.get("report", 0))
            own = manifest.sets[key].counts.get("report", rule.n) if len(given) > 1 else rule.n
            add(Short(key, shown_name(named, key), own, needed - rule.n + own))
    return [*found.values()]


def _given(kind: KindRecord, manifest: Manifest) -> SetKey | None:
    keys = (reported(SetKey(kind.role), manifest.sets), SetKey(kind.role))
    digests = {key: manifest.sets[key].digest for key in keys if key in manifest.sets and key}
    return next((key for key, digest in digests.items() if digest == kind.digest), None)
