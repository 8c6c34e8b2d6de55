"""Prove that a repaired model is its source with nothing changed but what the manifest names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from modelrepair.artifact.consistency import check_counts, check_measures
from modelrepair.artifact.findings import Finding, Verification
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.mask_header import read_header_of
from modelrepair.artifact.reading import read_manifest
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.kept_files import classify
from modelrepair.checkpoint.mask import MaskFile, open_mask
from modelrepair.checkpoint.reader import Checkpoint, map_entry
from modelrepair.checkpoint.values import VALUES_NAME, ValuesFile
from modelrepair.errors import DamagedCheckpointError, InconclusiveError, ModelRepairError
from modelrepair.progress import Progress
from modelrepair.verification.card import check_card
from modelrepair.verification.compare import (
    NORM_ROUNDING,
    ShardDifference,
    TensorDifference,
    compare_files,
)
from modelrepair.verification.core import check_core, part_core
from modelrepair.verification.cut import check_cut
from modelrepair.verification.dense_edit import check_edited, count_changed, named_tensors
from modelrepair.verification.files import (
    check_base,
    check_digest,
    check_kept,
    check_ours,
    check_presence,
)
from modelrepair.verification.masked_values import new_values_of
from modelrepair.verification.merged_source import original
from modelrepair.verification.pictures import check_pictures
from modelrepair.verification.sealed import (
    check_agreement,
    check_header,
    check_names,
    check_unit,
)
from modelrepair.verification.strangers import Same, same_in
from modelrepair.verification.summary import about


def verify(
    out: str | Path,
    *,
    source: str | Path | None,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    repository: str | None = None,
    elsewhere: Iterable[str] = (),
    same: Same | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Compare a repaired model with its source, entry by entry and file by file.

    Runs no model and no third-party code, and reads every weight file once.

    >>> verify("model-repaired", source="model").ok  # doctest: +SKIP
    True

    Args:
        out: the repaired model's folder.
        source: the folder of the source that its manifest names; None where it can't be reached:
            what can be checked without it is checked.
        reference: the folder of the reference, where the subject is a delta.
        base: the folder of the model that the source adapts, where it is an adapter. One that was
            merged is merged again; one that was not needs no base, and one that is given is
            compared with the manifest's.
        repository: the repaired model's id; that its card names another is noted. None for a
            folder, whose card may name any.
        elsewhere: files of the repository that were not fetched.
        same: whether a file stands byte for byte in the source; by default the two are compared.
        progress: where the bytes compared are shown.

    Raises:
        UnsupportedModelError: the source is no checkpoint.
        UsageError: an adapter that was merged, and no base.
    """
    out, source = Path(out), None if source is None else Path(source)
    base = None if base is None else Path(base)
    progress = progress or Progress()
    try:
        reading = read_manifest(out)
    except ModelRepairError as error:
        return Verification.of([Finding("manifest", MANIFEST_NAME, None, str(error))])
    found: list[Finding] = []
    if reading.newer is not None:
        found.append(Finding("newer", MANIFEST_NAME, None, reading.newer))
    checked: Counter[str] = Counter()
    notes: list[str] = []
    manifest = reading.manifest
    if manifest is None or source is None:
        strange, notes = part_core(out, source, reading.core, elsewhere, same)
        found += strange
    if manifest is None:
        found += check_core(out, source, reading.core, progress)
    else:
        if source is None:
            found += check_core(out, None, reading.core, progress)
            found += check_ours(out, manifest)
        else:
            with original(source, base, manifest.subject, progress, manifest.include) as folder:
                found += _verify(
                    out, folder, manifest, reference, base, checked, progress, notes,
                    same or same_in(source, out), elsewhere,
                )  # fmt: skip
        if reference is not None and manifest.subject != "delta":
            notes.append("the reference was not looked at: no changed entry is said to be its own")
        found += [*check_agreement(manifest), *check_pictures(out, manifest)]
        said, named = check_card(out, source, reading, manifest, repository)
        found += said
        notes += named
        measured, checked["examples"] = check_measures(out, manifest, reading.unknown)
        found += measured
    return Verification.of(found, checked, notes=notes, about=about(reading))


def _verify(
    out: Path,
    source: Path,
    manifest: Manifest,
    reference: str | Path | None,
    base: Path | None,
    checked: Counter[str],
    progress: Progress,
    notes: list[str],
    same: Same,
    elsewhere: Iterable[str],
) -> Iterator[Finding]:
    """What the source says of it."""
    checkpoint = Checkpoint.open(source)
    files = classify(
        source, weights=checkpoint.files, index=checkpoint.index, include=manifest.include
    )
    kept, source_digests = check_kept(out, source, manifest, files)
    checked["files"] = len(files.kept) + len(files.weights)
    added, beside = check_presence(out, manifest, files, same, elsewhere)
    notes += beside
    yield from added
    yield from kept
    yield from check_ours(out, manifest)
    yield from check_base(base, manifest)
    if manifest.edit == "dense":
        differences = compare_files(out, checkpoint, named_tensors(manifest), _unknown, progress)
        yield from _judge(out, checkpoint, manifest, differences, source_digests, checked)
        return
    yield from _verify_mask(out, checkpoint, manifest, reference, source_digests, checked, progress)


def _verify_mask(
    out: Path,
    checkpoint: Checkpoint,
    manifest: Manifest,
    reference: str | Path | None,
    source_digests: Mapping[str, str],
    checked: Counter[str],
    progress: Progress,
) -> list[Finding]:
    """What speaks against a mask and its entries, and what could not be proven."""
    reference = None if reference is None else Path(reference)
    found: list[Finding] = []
    try:
        mask = open_mask(out / MASK_NAME)
        header = read_header_of(mask)
        masked = count_masked(mask, checkpoint)
        stored = out / VALUES_NAME if (out / VALUES_NAME).is_file() else None
        values = new_values_of(checkpoint, header, masked, reference=reference, stored=stored)
        differences = compare_files(
            out,
            checkpoint,
            lambda entry: mask.positions(entry.name, entry.entries),
            values.expected,
            progress,
        )
        found = _judge(out, checkpoint, manifest, differences, source_digests, checked, masked)
        if "tensors" not in checked:
            return found
        held = None if stored is None else ValuesFile(stored)
        found += [*values.findings, *check_header(mask, manifest, checkpoint.files)]
        found += check_names(masked, held)
        found += check_unit(mask, manifest, checkpoint.entries)
        found += check_cut(mask, masked, manifest, checkpoint)
        if held is not None:
            found += _check_stored(out, checkpoint, mask, masked, held)
    except InconclusiveError as error:
        return [*found, Finding("newer", MASK_NAME, None, str(error))]
    except ModelRepairError as error:
        return [*found, Finding("mask", MASK_NAME, None, str(error))]
    return found


def _judge(
    out: Path,
    source: Checkpoint,
    manifest: Manifest,
    differences: Mapping[str, ShardDifference],
    source_digests: Mapping[str, str],
    checked: Counter[str],
    masked: Mapping[str, int] | None = None,
) -> list[Finding]:
    """What the differences say, if this is the right source: else they say nothing."""
    digests = {name: shard.source_digest for name, shard in differences.items()}
    wrong = _wrong_source({**source_digests, **digests}, manifest)
    if wrong is not None:
        return [wrong]
    masked = count_changed(manifest, differences) if masked is None else masked
    checked["tensors"] = len(source.entries)
    checked["entries"] = sum(entry.entries for entry in source.entries.values())
    checked["masked"] = sum(masked.values())
    return [
        *_check_weights(out, source, manifest, differences),
        *check_counts(manifest, source, masked),
    ]


def count_masked(mask: MaskFile, source: Checkpoint) -> dict[str, int]:
    """How many positions a mask holds for each of its tensors.

    >>> count_masked(open_mask(path), source)  # doctest: +SKIP
    {'w': 12}

    Raises:
        DamagedCheckpointError: positions that don't fit, or a tensor that the source lacks.
    """
    unknown = [name for name in mask.names if name not in source.entries]
    if unknown:
        raise DamagedCheckpointError(
            f"the mask names a tensor {unknown[0]!r} that the source does not have",
            hint="give the source that the mask was made for",
        )
    return {name: len(mask.positions(name, source.entries[name].entries)) for name in mask.names}


def _unknown(name: str, positions: np.ndarray, old: np.ndarray, before: int) -> None:
    """What entries should hold where only the manifest's digest says it."""
    return


def _wrong_source(found: Mapping[str, str], manifest: Manifest) -> Finding | None:
    recorded = manifest.source.files
    names = sorted({*found, *recorded})
    wrong = [name for name in names if found.get(name) != recorded.get(name)]
    if not wrong:
        return None
    name = wrong[0]
    commit = f" at {manifest.source.commit}" if manifest.source.commit else ""
    more = f", and {len(wrong) - 1} more files differ" if len(wrong) > 1 else ""
    has, wanted = (
        f"sha256 {digests[name][:12]}…" if name in digests else "no such file"
        for digests in (found, recorded)
    )
    message = f"this is not the source {manifest.source.id}{commit}: {has}, expected {wanted}{more}"
    return Finding("wrong-source", name, None, message)


def _check_weights(
    out: Path, source: Checkpoint, manifest: Manifest, differences: Mapping[str, ShardDifference]
) -> Iterator[Finding]:
    sites = {site.name: site for site in manifest.sites}
    for name, shard in differences.items():
        if not (out / name).is_file():
            continue
        if not shard.digest:
            sizes = [(folder / name).stat().st_size for folder in (out, source.folder)]
            message = f"has {sizes[0]} bytes, the source's has {sizes[1]}"
            yield Finding("changed", name, None, message)
            continue
        if shard.header:
            yield Finding("changed", name, None, "the header's bytes differ from the source's")
        for tensor in shard.tensors:
            site = sites.get(tensor.name)
            if manifest.edit == "dense":
                yield from check_edited(name, tensor, site)
            else:
                yield from _check_tensor(name, tensor, site.norm_removed if site else 0.0)
        yield from check_digest(out, name, shard.digest, manifest)


def _check_tensor(file: str, tensor: TensorDifference, norm: float | None) -> Iterator[Finding]:
    if tensor.outside:
        unit = "entries" if tensor.masked else "bytes"
        message = f"{tensor.outside} {unit} outside the mask differ, first {tensor.first_outside}"
        yield Finding("outside-mask", file, tensor.name, message)
    if tensor.wrong:
        message = (
            f"{tensor.wrong} of {tensor.masked} masked entries don't hold the value that they "
            f"should, first {tensor.first_wrong}"
        )
        yield Finding("masked-value", file, tensor.name, message)
    found = tensor.norm_removed
    if (found is None or norm is None) and found is not norm:
        yield Finding("count", MANIFEST_NAME, tensor.name, f"norm removed: {norm}, found {found}")
    elif not tensor.wrong and not math.isclose(found or 0, norm or 0, rel_tol=NORM_ROUNDING):
        message = f"the manifest says {norm:.6g} of the norm was removed, found {found:.6g}"
        yield Finding("count", MANIFEST_NAME, tensor.name, message)


def _check_stored(
    out: Path, source: Checkpoint, mask: MaskFile, masked: Mapping[str, int], values: ValuesFile
) -> Iterator[Finding]:
    for name, count in masked.items():
        entry = source.entries[name]
        path = out / entry.file
        if not path.is_file() or path.stat().st_size != (source.folder / entry.file).stat().st_size:
            continue
        raw = map_entry(path, entry).reshape(-1)
        if not np.array_equal(
            raw[mask.positions(name, entry.entries)], values.values(name, raw.dtype, count)
        ):
            yield Finding("values", VALUES_NAME, name, "the stored values are not the weights'")
