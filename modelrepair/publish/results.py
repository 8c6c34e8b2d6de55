"""Our measures as the Hub reads them from a card: the ``model-index`` of its front matter."""

from __future__ import annotations

import re
from typing import Any

from modelrepair.publish.manifest import Manifest

SETS = {
    "harmful_score": ("realign", "refusal"),
    "refusal_rate": ("realign", "refusal"),
    "benign_refusal_rate": ("utility", "borderline"),
    "degenerate_rate": ("realign", "refusal"),
    "utility": ("utility",),
    "task_accuracy": ("utility",),
}
"""On which sets a measure is taken, the first of them that was given."""


def evaluation(manifest: Manifest, labels: dict[str, str]) -> list[Any]:
    """What was measured of the repaired model, each with the set that it was measured on.

    >>> evaluation(manifest, {})[0].metric_type  # doctest: +SKIP
    'harmful_score'

    Args:
        manifest: the only source of the figures.
        labels: what each measure is called.
    """
    from huggingface_hub import EvalResult

    after = manifest.measures.get("after")
    if after is None:
        return []
    found = []
    for name, roles in SETS.items():
        measure = getattr(after, name)
        given = next((role for role in _tests_first(roles) if role in manifest.sets), None)
        if measure is None or given is None:
            continue
        record = manifest.sets[given]
        found.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=re.sub(r"[^\w./-]", "-", record.id),
                dataset_name=f"{record.id} ({given}, report split)",
                metric_type=name,
                metric_name=f"{labels.get(name, name)}, judge {after.judge}, n = {measure.n}",
                metric_value=round(measure.value, 6),
                dataset_revision=record.commit,
            )
        )
    return found


def measured_utility(manifest: Manifest) -> str | None:
    """The set that utility was measured on, with the number of examples; None where it was not.

    >>> measured_utility(manifest)  # doctest: +SKIP
    'plain'
    """
    after = manifest.measures.get("after")
    given = next((role for role in _tests_first(("utility",)) if role in manifest.sets), None)
    return (
        None
        if after is None or after.utility is None or given is None
        else (manifest.sets[given].id)
    )


def _tests_first(roles: tuple[str, ...]) -> list[str]:
    """A set that was given for the report alone is what was reported on."""
    return [f"test_{role}" for role in roles] + list(roles)
