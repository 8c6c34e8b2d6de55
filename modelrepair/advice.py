"""What to try next after a repair that failed, in the order of what helped most when measured."""

from __future__ import annotations

from modelrepair.measure.gate import GateResult
from modelrepair.publish.manifest import Manifest
from modelrepair.settings import Settings

MOST = 2
"""How many things are named: the next, and the one after it."""


def advice(settings: Settings, manifest: Manifest, gate: GateResult | None) -> tuple[str, ...]:
    """Name what most likely helps, best first; nothing where the repair did not fail.

    The order is that of the tables in docs/results.md: a reference helps most, then contrast in
    place of scores without a sign, then the merged model in place of an adapter's factors.

    >>> advice(settings, manifest, gate)  # doctest: +SKIP
    ('name the aligned model that the source was fine-tuned from with --reference',)

    Args:
        settings: as the user gave them.
        manifest: of the repair.
        gate: what it said, where anything was measured.
    """
    if gate is None or gate.verdict != "failed":
        return ()
    tried = {point.scorer for point in manifest.search}
    by_contrast = manifest.scorer is not None and manifest.scorer.name == "contrast"
    ideas: list[str] = []
    if manifest.repairer is not None and settings.strength is not None:
        ideas.append("leave --strength out: the search finds how much is enough")
    if settings.preset is None and not settings.searches_ratio:
        ideas.append("leave --ratio out: the search finds how much is enough")
    if manifest.reference is None and manifest.subject == "weight":
        ideas.append("name the aligned model that the source was fine-tuned from with --reference")
    if not by_contrast and "contrast" not in tried:
        needs = "" if "utility" in manifest.sets else ", with a --utility set"
        ideas.append(f"take --scorer contrast{needs}: it looks for what brings refusals back")
    if manifest.subject == "factor":
        ideas.append("add --merge: the merged model can be repaired entry by entry")
    refuses = any(r.name == "benign_refusal_rate" and r.holds_budget is False for r in gate.rules)
    if refuses and "borderline" not in manifest.sets:
        ideas.append("give a --borderline set: a repair is held back by what it must not refuse")
    if by_contrast and not ideas:
        ideas.append("give more examples, utility and borderline ones above all, with --examples")
    return tuple(ideas[:MOST])
