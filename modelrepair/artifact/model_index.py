"""Our measures as the Hub reads them from a card: the ``model-index`` of its front matter."""

from __future__ import annotations

from typing import Any

from modelrepair.artifact.manifest import Manifest
from modelrepair.evaluation.measures import TITLES
from modelrepair.examples.keys import SetKey, reported
from modelrepair.source.address import id_for

SETS = {
    "harmful_score": (SetKey.REALIGN,),
    "refusal_rate": (SetKey.REALIGN,),
    "benign_refusal_rate": (SetKey.UTILITY, SetKey.BORDERLINE),
    "degenerate_rate": (SetKey.REALIGN,),
    "utility": (SetKey.UTILITY,),
    "task_accuracy": (SetKey.UTILITY,),
}
"""On which families of sets a measure is taken; the first of them that was given is named."""


def evaluation(manifest: Manifest) -> list[Any]:
    """What was measured of the repaired model, each with the set that it was measured on.

    >>> evaluation(manifest)[0].metric_type  # doctest: +SKIP
    'harmful_score'

    Args:
        manifest: the only source of the figures.
    """
    from huggingface_hub import EvalResult

    after = manifest.measures.get("after")
    if after is None:
        return []
    found = []
    for name, families in SETS.items():
        measure = getattr(after, name)
        given = _reported(manifest, families)
        if measure is None or given is None:
            continue
        record = manifest.sets[given]
        found.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=id_for(record.id),
                dataset_name=f"{record.id} ({given}, report split)",
                metric_type=name,
                metric_name=f"{TITLES[name].long}, judge {after.judge}, n = {measure.n}",
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
    given = _reported(manifest, SETS["utility"])
    return (
        None
        if after is None or after.utility is None or given is None
        else (manifest.sets[given].id)
    )


def _reported(manifest: Manifest, families: tuple[SetKey, ...]) -> SetKey | None:
    """The set that the report was made on, of the first family of which one was given."""
    found = (reported(key, manifest.sets) for key in families)
    return next((key for key in found if key is not None), None)
