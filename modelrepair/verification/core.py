"""What can be checked of a repair that a later version made: its files, by their digests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME, SCHEMA_VERSION
from modelrepair.artifact.reading import Core
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import CARD_NAME, OUR_FOLDER, files_of
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.roles import holds_weights
from modelrepair.checkpoint.untrusted import find_file
from modelrepair.errors import DamagedCheckpointError, ModelRepairError
from modelrepair.progress import Progress
from modelrepair.verification.compare import compare_files
from modelrepair.verification.strangers import Same, part, same_in


def check_core(out: Path, source: Path | None, core: Core, progress: Progress) -> Iterator[Finding]:
    """Compare the files with the manifest's digests, and those that stay with the source's.

    >>> list(check_core(out, source, core, Progress()))  # doctest: +SKIP
    []

    Args:
        out: the repaired model's folder.
        source: the source's folder, where it is at hand.
        core: what every version of a manifest says.
        progress: where the bytes compared are shown.
    """
    for name, expected in core.files.items():
        try:
            path = find_file(out, name)
        except DamagedCheckpointError as error:
            yield Finding("missing", name, None, str(error))
            continue
        if path is None:
            yield Finding("missing", name, None, "is in the manifest and nowhere else")
        elif (found := sha256_file(path)) != expected:
            message = f"has sha256 {found[:12]}…, the manifest says {expected[:12]}…"
            yield Finding("changed", name, None, message)
    if source is None:
        return
    for name, expected in core.source.files.items():
        try:
            path = find_file(source, name)
        except DamagedCheckpointError as error:
            yield Finding("wrong-source", name, None, str(error))
            return
        if path is not None and sha256_file(path) != expected:
            message = f"this is not the source {core.source.id}: another sha256"
            yield Finding("wrong-source", name, None, message)
            return
    # What else differs in a later schema is not known.
    if core.schema_version == SCHEMA_VERSION and core.edit == "mask":
        yield from _outside(out, source, progress)


def part_core(
    out: Path, source: Path | None, core: Core, elsewhere: Iterable[str], same: Same | None
) -> tuple[list[Finding], list[str]]:
    """Files beside the repair, as `strangers.part`; by rules, not by its word."""
    found = set(files_of(out))
    ours = {CARD_NAME, MANIFEST_NAME}
    ours |= {
        name
        for name in core.files
        if name.startswith(f"{OUR_FOLDER}/")
        or not holds_weights(name)
        or name.endswith(".safetensors")
    }
    if same is None:
        same = same_in(source, out) if source is not None else lambda name: True
    return part(out, {*found, *elsewhere} - ours, same, found.__contains__)


def _outside(out: Path, source: Path, progress: Progress) -> Iterator[Finding]:
    try:
        mask, checkpoint = open_mask(out / MASK_NAME), Checkpoint.open(source)
        differences = compare_files(
            out,
            checkpoint,
            lambda entry: mask.positions(entry.name, entry.entries),
            _unknown,
            progress,
        )
    except ModelRepairError as error:
        yield Finding("mask", MASK_NAME, None, str(error))
        return
    for name, shard in differences.items():
        for tensor in shard.tensors:
            if tensor.outside:
                message = f"{tensor.outside} entries outside the mask differ"
                yield Finding("outside-mask", name, tensor.name, message)


def _unknown(name: str, positions: np.ndarray, old: np.ndarray, before: int) -> None:
    return
