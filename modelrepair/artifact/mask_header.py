"""What a mask says about the files that it belongs to, read with suspicion."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from modelrepair.artifact.digests import canonical
from modelrepair.artifact.manifest import Manifest
from modelrepair.checkpoint.mask import MaskFile
from modelrepair.checkpoint.norms import tensor_digest
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.untrusted import parse_json
from modelrepair.errors import DamagedCheckpointError, InconclusiveError
from modelrepair.plugin.names import SubjectKind, Unit
from modelrepair.version import version

_LATER = frozenset(map(str, range(2, 100)))

_UNIT = re.compile(r"[a-z][a-z-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class MaskHeader:
    """The header of ``repair/mask.safetensors``.

    Args:
        subject: what was masked: factor, delta or weight.
        scale: what masked entries of the subject are multiplied by.
        unit: what was removed as one; of an older mask, which does not say, entries.
        source: the source's id or folder name, with its commit where there is one.
        source_files: weight file → SHA-256 in the source.
        files: weight file → SHA-256 after the repair.
        reference: as ``source``; None where the subject is no delta.
        reference_tensors: tensor → SHA-256 of its bytes in the reference.
    """

    subject: SubjectKind
    scale: float
    unit: Unit
    source: str
    source_files: Mapping[str, str]
    files: Mapping[str, str]
    reference: str | None
    reference_tensors: Mapping[str, str]


def read_header_of(mask: MaskFile) -> MaskHeader:
    """Read a mask's header.

    >>> read_header_of(open_mask(path)).subject  # doctest: +SKIP
    'weight'

    Raises:
        DamagedCheckpointError: it is not the header of a mask that modelrepair writes.
        InconclusiveError: a later version wrote it.
    """
    header = mask.header
    try:
        if header["format"] == "modelrepair-mask" and header["version"] in _LATER:
            raise _newer(mask, f"version {header['version']}")
        if (header["format"], header["version"]) != ("modelrepair-mask", "1"):
            raise ValueError(f"expected version 1, found {header['version']!r}")
        unit = header.get("unit", "entry")
        if unit not in get_args(Unit):
            if _UNIT.fullmatch(unit):
                raise _newer(mask, f"unit {unit!r}")
            raise ValueError(f"unit {unit[:40]!r}")
        scale = float(header["scale"])
        if header["subject"] not in get_args(SubjectKind) or not math.isfinite(scale):
            raise ValueError(f"subject {header['subject']!r}, scale {scale}")
        tensors = _digests(header.get("reference_tensors", "{}"))
        if (header["subject"] == "delta") != bool(tensors):
            raise ValueError(f"{len(tensors)} reference tensors for a {header['subject']}")
        return MaskHeader(
            subject=cast(SubjectKind, header["subject"]),
            scale=scale,
            unit=cast(Unit, unit),
            source=_named(header["source"], header.get("source_commit")),
            source_files=_digests(header["source_files"]),
            files=_digests(header["files"]),
            reference=_named(header["reference"], header.get("reference_commit"))
            if tensors
            else None,
            reference_tensors=tensors,
        )
    except (KeyError, ValueError, DamagedCheckpointError) as error:
        raise DamagedCheckpointError(
            f"{mask.path.name} is no mask that modelrepair can read: {error}",
            hint="fetch the mask again",
        ) from None


def wrong_reference(header: MaskHeader, source: Checkpoint, reference: Checkpoint) -> str | None:
    """Why a reference is not the one that the mask was made with; None where it is."""
    for name, digest in header.reference_tensors.items():
        entry = reference.entries.get(name)
        wanted = source.entries.get(name)
        if entry is None or (wanted is not None and entry.shape != wanted.shape):
            found = f"shape {list(entry.shape)}" if entry else "no such tensor"
        else:
            sha256 = tensor_digest(reference, name)
            if sha256 == digest:
                continue
            found = f"sha256 {sha256[:12]}…, expected {digest[:12]}…"
        return f"this is not the reference {header.reference}: tensor {name!r} has {found}"
    return None


def _newer(mask: MaskFile, what: str) -> InconclusiveError:
    return InconclusiveError(
        f"{mask.path.name} is a mask of {what}, newer than modelrepair {version()}",
        hint="upgrade it: pip install --upgrade modelrepair",
        id="newer-version",
    )


def _digests(text: str) -> dict[str, str]:
    value = parse_json(text.encode(), "a table of digests", strict=True)
    if not isinstance(value, dict) or not all(
        isinstance(item, str) and _SHA256.match(item) for item in value.values()
    ):
        raise ValueError("digests must be a mapping of names to SHA-256")
    return value


def _named(name: str, commit: str | None) -> str:
    return f"{name} at {commit}" if commit else name


def mask_path(place: Path) -> Path:
    """The mask in a repaired model's folder, or the mask file itself.

    >>> mask_path(Path("model-repaired"))  # doctest: +SKIP
    PosixPath('model-repaired/repair/mask.safetensors')
    """
    return place / "repair" / "mask.safetensors" if place.is_dir() else place


def header_of(
    manifest: Manifest,
    source_files: Mapping[str, str],
    files: Mapping[str, str],
    shards: Iterable[str],
) -> dict[str, str]:
    """The header of a mask as it follows from the manifest and the weight files' digests.

    >>> header_of(manifest, manifest.source.files, manifest.files, shards)  # doctest: +SKIP
    {'format': 'modelrepair-mask', 'version': '1', …}
    """
    shards = sorted(shards)
    header = {
        "format": "modelrepair-mask",
        "version": "1",
        "subject": manifest.subject,
        "scale": repr(float(manifest.scale)),
        "source": manifest.source.id,
        "source_commit": manifest.source.commit or "",
        "source_files": canonical({name: source_files[name] for name in shards}).decode(),
        "files": canonical({name: files[name] for name in shards}).decode(),
    }
    if manifest.unit is not None:
        header["unit"] = manifest.unit
    if manifest.reference_tensors and manifest.reference is not None:
        header["reference"] = manifest.reference.id
        header["reference_commit"] = manifest.reference.commit or ""
        header["reference_tensors"] = canonical(manifest.reference_tensors).decode()
    if manifest.adapter is not None and manifest.base is not None:
        header["base"] = manifest.base.id
        header["base_commit"] = manifest.base.commit or ""
    return header
