"""A repaired model and what it was made from, by their ids, each at the recorded commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from modelrepair.artifact.findings import Finding, Verification
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import Reading, read_manifest
from modelrepair.artifact.records import Origin
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.kept_files import is_foreign_to_all
from modelrepair.checkpoint.untrusted import find_file
from modelrepair.errors import HubError, ModelRepairError, UsageError
from modelrepair.progress import Progress
from modelrepair.source.address import named_on_hub
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.repository_files import Remote, list_remote
from modelrepair.source.resolve import Source, resolve
from modelrepair.verification.attestation import Given, check_attestation
from modelrepair.verification.strangers import Same, same_in


def verify_origins(
    out: str | Path,
    revision: str | None,
    source: str | Path | None = None,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    progress: Progress | None = None,
    attested: Given | None = None,
) -> Verification:
    """Fetch what is on the Hub, and verify it; files that were not fetched count as added.

    >>> verify_origins("me/model-repaired", None).ok  # doctest: +SKIP
    True

    Args:
        out: the repaired model: a folder, or a Hub id.
        revision: of a Hub id.
        source: a folder, or a Hub id; the manifest's where it is not given.
        reference: likewise, where the subject is a delta.
        base: likewise, where the source is an adapter.
        progress: where the bytes compared are shown.
        attested: an attestation that has to be of this repair.

    Raises:
        UsageError: source or base is a folder elsewhere, and was not named.
    """
    from modelrepair.verification.verify import verify

    repaired = resolve(out, revision, record=True)
    try:
        reading = read_manifest(repaired.folder)
    except ModelRepairError:
        found = verify(repaired.folder, source=None, progress=progress)  # it says why
        return _of(found, repaired, attested)
    try:
        origins = needed(reading)
    except ValueError as error:  # of a later version's manifest: a path, say
        message = f"names a source that can't be one: {' '.join(str(error).split())[:200]}"
        found = Verification.of([Finding("manifest", MANIFEST_NAME, None, message)])
        return _of(found, repaired, attested)
    named = {"source": source, "reference": reference, "base": base}
    include = reading.manifest.include if reading.manifest else ()
    if include and repaired.id is not None:
        repaired = resolve(
            repaired.id, commit=repaired.commit, record=True, local=False, include=include
        )
    models = {
        name: _at_hand(name, named[name], origin, include) for name, origin in origins.items()
    }
    models |= {
        name: _at_hand(name, given, getattr(reading.manifest, name, None))
        for name, given in named.items()
        if given is not None and name not in models
    }
    folders = {name: each for name, each in models.items() if isinstance(each, Path)}
    lost = [each for each in models.values() if isinstance(each, Finding)]
    if "base" not in folders and any(each.file == "base" for each in lost):
        folders.pop("source", None)  # an adapter that can't be merged again
    found = verify(
        repaired.folder,
        source=folders.get("source"),
        reference=folders.get("reference"),
        base=folders.get("base"),
        repository=repaired.id,
        elsewhere=_elsewhere(repaired),
        same=_same(repaired, folders.get("source"), origins["source"]),
        progress=progress,
    )
    undecided = [each for each in found.inconclusive if not (lost and each.code == "no-reference")]
    found = replace(
        found,
        findings=(*found.findings, *(each for each in lost if each.wrong)),
        inconclusive=(*undecided, *(each for each in lost if not each.wrong)),
    )
    return _of(found, repaired, attested)


def _of(found: Verification, repaired: Source, attested: Given | None) -> Verification:
    about = replace(found.about, repository=repaired.id, commit=repaired.commit)
    found = replace(found, about=about)
    if attested is None:
        return found
    more, notes = check_attestation(attested, repaired.folder)
    return replace(
        found,
        findings=(*found.findings, *(each for each in more if each.wrong)),
        inconclusive=(*found.inconclusive, *(each for each in more if not each.wrong)),
        notes=(*found.notes, *notes),
    )


def needed(reading: Reading) -> dict[str, Origin]:
    """What a verification compares with: the source, a delta's reference, a merged adapter's base.

    >>> needed(read_manifest("model-repaired")).keys()  # doctest: +SKIP
    dict_keys(['source'])
    """
    manifest, known = reading.manifest, reading.core.source
    if manifest is None:
        return {"source": Origin(id=known.id, hub=known.hub, commit=known.commit)}
    origins = {"source": manifest.source}
    if manifest.subject == "delta" and manifest.reference is not None:
        origins["reference"] = manifest.reference
    if manifest.adapter is not None and manifest.base is not None:
        origins["base"] = manifest.base
    return origins


def _at_hand(
    name: str, given: str | Path | None, origin: Origin | None, include: Sequence[str] = ()
) -> Path | Finding | None:
    """The folder of a model that was named, or is the manifest's; or why there is none."""
    if given is None and origin is not None and not origin.hub:
        if name == "reference":
            return None
        raise UsageError(
            f"the {name} {origin.id!r} is a folder of whoever made the repair",
            hint=f"name a folder that holds it with --{name}",
        )
    try:
        if given is None and origin is not None:
            # A folder here that happens to be called so is not meant.
            return resolve(origin.id, commit=origin.commit, local=False, include=include).folder
        return pinned(given or "", origin, include).folder
    except HubError as error:
        return Finding("unreachable", name, None, str(error))
    except UsageError as error:
        if given is not None:
            raise
        message = f"names a {name} that can't be one: {error}"
        return Finding("manifest", MANIFEST_NAME, None, message)


def pinned(model: str | Path, origin: Origin | None, include: Sequence[str] = ()) -> Source:
    """A model, at the recorded commit where it is the recorded repository.

    >>> pinned("user/model", manifest.source).commit  # doctest: +SKIP
    '0123…'
    """
    name = None if isinstance(model, Path) or origin is None else named_on_hub(model)
    if origin is None or not origin.hub or name is None or name.revision is not None:
        return resolve(model, include=include)
    id = name.id if name.id == origin.id else resolve(name.id, weights=False, local=False).id
    commit = origin.commit if id == origin.id else None
    return resolve(str(id), commit=commit, local=False, include=include)


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
        return MadeFrom()  # reported when the mask is applied
    return MadeFrom(
        _origin(header, "source"), _origin(header, "reference"), _origin(header, "base")
    )


def _origin(header: dict[str, str], which: str) -> Origin | None:
    commit = header.get(f"{which}_commit")
    try:
        return Origin(id=header[which], hub=True, commit=commit) if commit else None
    except (KeyError, ValueError):
        return None


def _elsewhere(repaired: Source) -> list[str]:
    """Files of the repository that need not be fetched to know that they don't belong there."""
    return [name for name in repaired.left_behind if not is_foreign_to_all(name)]


def _same(repaired: Source, source: Path | None, origin: Origin) -> Same | None:
    """Whether a file is in the source's own listing too, where that is on the Hub.

    The listings are asked for once, and only where there is a file to ask about.
    """
    if not origin.hub or source is None:
        return None
    in_folders = same_in(source, repaired.folder)

    @cache
    def listed(id: str, commit: str) -> Remote:
        with hub_errors(id, commit):
            return list_remote(id, commit)

    def same(name: str) -> bool:
        if in_folders(name):
            return True
        try:
            theirs = listed(origin.id, str(origin.commit))
            if repaired.id is None or repaired.commit is None:
                path = find_file(repaired.folder, name)
                return path is not None and not theirs.differs(name, path)
            ours = listed(repaired.id, repaired.commit).files.get(name)
        except ModelRepairError:
            return False
        return ours is not None and ours == theirs.files.get(name)

    return same
