"""What a verification looked at, in words: kind of edit, verdict and figures."""

from __future__ import annotations

from modelrepair.artifact.findings import About
from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.reading import Reading
from modelrepair.evaluation.measures import TITLES

_SHOWN = ("harmful_score", "benign_refusal_rate", "degenerate_rate", "utility")


def about(reading: Reading, repository: str | None = None, commit: str | None = None) -> About:
    """What is verified, as its manifest says.

    >>> about(read_manifest("model-repaired")).verdict  # doctest: +SKIP
    'passed'

    Args:
        reading: the manifest.
        repository: the repaired model's id; None for a folder.
        commit: of that repository.
    """
    manifest, source = reading.manifest, reading.core.source
    return About(
        repository=repository,
        commit=commit,
        source=source.id,
        source_commit=source.commit,
        edit=manifest.edit if manifest else None,
        subject=manifest.subject if manifest else None,
        verdict=manifest.verdict if manifest and "'verdict'" not in reading.unknown else None,
        digest=reading.digest,
        summary=summary(manifest) if manifest else "",
    )


def summary(manifest: Manifest) -> str:
    """Edit, verdict and figures in one line.

    >>> summary(manifest)  # doctest: +SKIP
    '4.50 % of entries masked (weight), nothing else differs; gate: passed; harmful answers …'
    """
    share = f"{100 * manifest.masked_share:.3g} %"
    if manifest.edit == "dense":
        edit = f"{share} of entries have new values, made by {manifest.by.name}"
        rest = "no tensor differs that the manifest does not name"
    else:
        edit, rest = f"{share} of entries masked ({manifest.subject})", "nothing else differs"
    return "; ".join([f"{edit}, {rest}", f"gate: {manifest.verdict}", *_figures(manifest)])


def _figures(manifest: Manifest) -> list[str]:
    before, after = (manifest.measures.get(role) for role in ("before", "after"))
    lines = []
    for name in _SHOWN:
        one, two = (getattr(model, name, None) for model in (before, after))
        if two is not None:
            was = f"{100 * one.value:.1f} % → " if one is not None else ""
            lines.append(f"{TITLES[name].long} {was}{100 * two.value:.1f} % (n = {two.n})")
    return lines
