"""A repaired model and what it was made from, by their ids, each at the recorded commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from modelrepair.errors import ModelRepairError
from modelrepair.progress import Progress
from modelrepair.proof.findings import Finding, Verification
from modelrepair.publish.manifest import Manifest, Origin, load_manifest
from modelrepair.publish.output import MASK_NAME
from modelrepair.publish.remote import HUBS_OWN, replaced
from modelrepair.source.resolve import Source, resolve


def verify_origins(
    out: str | Path,
    revision: str | None,
    source: str | Path,
    reference: str | Path | None,
    base: str | Path | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Fetch what is on the Hub, and verify it; files that were not fetched count as added.

    >>> verify_origins("me/model-repaired", None, "user/model", None).ok  # doctest: +SKIP
    True

    Args:
        out: the repaired model: a folder, or a Hub id.
        revision: of a Hub id.
        source: a folder, or a Hub id.
        reference: likewise, where the subject is a delta.
        base: likewise, where the source is an adapter.
        progress: where the bytes compared are shown.
    """
    from modelrepair.proof.verify import verify

    repaired = resolve(out, revision, record=True)
    try:
        manifest = load_manifest(repaired.folder)
    except ModelRepairError:
        manifest = None  # told by the verification
    made_from = [manifest.source, manifest.reference, manifest.base] if manifest else [None] * 3
    found = verify(
        repaired.folder,
        source=pinned(source, made_from[0]).folder,
        reference=None if reference is None else pinned(reference, made_from[1]).folder,
        base=None if base is None else pinned(base, made_from[2]).folder,
        progress=progress,
    )
    strangers = tuple(_strangers(repaired, manifest)) if manifest else ()
    return replace(found, findings=(*found.findings, *strangers))


def pinned(model: str | Path, origin: Origin | None) -> Source:
    """A model, at the recorded commit where it is the recorded repository.

    >>> pinned("user/model", manifest.source).commit  # doctest: +SKIP
    '0123…'
    """
    known = origin is not None and origin.hub and str(model) == origin.id
    return resolve(model, commit=origin.commit if known and origin else None)


@dataclass(frozen=True)
class MadeFrom:
    """What a mask was made from, as its header names it; None for what it does not name."""

    source: Origin | None = None
    reference: Origin | None = None
    base: Origin | None = None


def origins_of_mask(mask: Path) -> MadeFrom:
    """Source, reference and base as a mask's header names them; none where it can't be read.

    >>> origins_of_mask(Path("nowhere")).source is None
    True
    """
    from modelrepair.checkpoint.mask import open_mask

    path = mask / MASK_NAME if mask.is_dir() else mask
    try:
        header = open_mask(path).header
    except (ModelRepairError, OSError):
        return MadeFrom()  # told when the mask is applied
    return MadeFrom(
        _origin(header, "source"), _origin(header, "reference"), _origin(header, "base")
    )


def _origin(header: dict[str, str], which: str) -> Origin | None:
    commit = header.get(f"{which}_commit")
    try:
        return Origin(id=header[which], hub=True, commit=commit) if commit else None
    except (KeyError, ValueError):
        return None


def _strangers(repaired: Source, manifest: Manifest) -> list[Finding]:
    """Files of the repository that nobody needs to fetch to know that they don't belong there.

    In the source's own repository its other files may stay, but none that holds weights.
    """
    left = [name for name in repaired.left_behind if name != HUBS_OWN]
    harmful = set(replaced(left, manifest.left_behind))
    return [
        Finding("added", name, None, "is no file of the source, nor ours, and was not fetched")
        for name in left
        if name in harmful or name not in manifest.left_behind
    ]
