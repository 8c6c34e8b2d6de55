"""The kinds of benign prompts as a card shows them: one line each, from the manifest alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelrepair.artifact.figures import percent
from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.records import KindRecord
from modelrepair.evaluation.measures import KindMeasures


def kind_rows(manifest: Manifest, rules: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One line a kind: what was refused and what was broken, before and after, and what it says.

    >>> kind_rows(manifest, [])[0]["name"]  # doctest: +SKIP
    'how-to'

    Args:
        manifest: the only source of the figures.
        rules: the gate's, each with what it ``says``.
    """
    of_kind: dict[str, list[Mapping[str, Any]]] = {}
    for rule in rules:
        if isinstance(kind := rule.get("kind"), str):
            of_kind.setdefault(kind, []).append(rule)
    rows = []
    for name, kind in manifest.kinds.items():
        taken = {role: measures.kinds.get(name) for role, measures in manifest.measures.items()}
        rows.append(
            {
                "name": name,
                "set": kind.set,
                "n": str(kind.examples),
                "refused": _shares(taken, "benign_refusal_rate"),
                "broken": _shares(taken, "degenerate_rate"),
                "says": _says(kind, of_kind.get(name, [])),
            }
        )
    return rows


def _shares(taken: Mapping[Any, KindMeasures | None], name: str) -> str:
    found = [getattr(taken[role], name) for role in ("before", "after") if taken.get(role)]
    return " → ".join(percent(measure.value) for measure in found) or "–"


def _says(kind: KindRecord, rules: list[Mapping[str, Any]]) -> str:
    if kind.left_out:
        return "left out"
    return "; ".join(dict.fromkeys(str(rule["says"]) for rule in rules)) or "–"
