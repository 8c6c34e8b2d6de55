"""What scope, ratio and protected share of a manifest say of its mask: how much of what it holds.

Only what holds for every mask that this program makes is compared. What a row is, a tensor of the
file shows where one matrix alone lies in it: its rows, or where it is transposed its columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.records import SiteRecord
from modelrepair.checkpoint.bits import to_float32
from modelrepair.checkpoint.mask import MaskFile
from modelrepair.checkpoint.norms import CHUNK, chunks
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.plugin.loading import OWN
from modelrepair.settings.presets import count, preset_named, published_count, quota_of

FILLS = ("wanda", "magnitude", "gradient")
"""Our scorers that score once and choose by size: of what may be chosen, they take all of a quota.

Others may find less that is worth masking, and take it in several rounds.
"""
FACTORS = (".lora_A", ".lora_B")

Lines = tuple[np.ndarray, np.ndarray]
"""How many entries each row of a matrix in the file holds, and each column."""


@dataclass(frozen=True)
class Quotas:
    """How many entries of so many the ratio takes, and how many utility keeps.

    Args:
        most: entries of a scope → how many at most.
        kept: entries of a tensor → how many are protected.
        exact: whether what may be chosen is taken up to ``most``.
    """

    most: Callable[[int], int]
    kept: Callable[[int], int]
    exact: bool


def check_cut(
    mask: MaskFile, masked: Mapping[str, int], manifest: Manifest, source: Checkpoint
) -> Iterator[Finding]:
    """Find a mask that the manifest's scope, ratio and protected share can't have made.

    >>> list(check_cut(mask, {"w": 12}, manifest, source))  # doctest: +SKIP
    []

    Args:
        mask: the opened mask.
        masked: how many positions it holds for each of its tensors.
        manifest: the manifest.
        source: the source's checkpoint.
    """
    quotas = quotas_of(manifest)
    if quotas is None:
        return
    parted = {name.partition("#")[0] for name in manifest.skipped}
    alone = {
        site.name: site
        for site in manifest.sites
        if _is_alone(site)
        and site.name not in parted
        and site.name in source.entries
        and source.entries[site.name].shape == site.shape
    }
    if manifest.scope == "global":
        yield from _check_all(masked, manifest, source, quotas, alone.keys())
    if manifest.unit not in (None, "entry"):
        return
    for name, held in masked.items():
        if name not in alone:
            continue
        rows, columns = alone[name].shape
        if held > rows * columns - quotas.kept(rows * columns):
            message = f"{held} of {rows * columns} entries, of which a share is protected"
            yield Finding("record", MANIFEST_NAME, name, message)
        nonzero = _Nonzero(source, name)
        if manifest.scope == "tensor" and not _fills_tensor(held, rows * columns, quotas, nonzero):
            message = f"{held} of {rows * columns} entries are not what its ratio takes of it"
            yield Finding("record", MANIFEST_NAME, name, message)
        if manifest.scope == "row":
            lines = _lines(mask.positions(name, rows * columns), rows, columns)
            if not _fills_rows(lines, rows, columns, quotas, nonzero):
                message = "its rows do not hold what the ratio takes of each"
                yield Finding("record", MANIFEST_NAME, name, message)


def quotas_of(manifest: Manifest) -> Quotas | None:
    """What the ratio takes; None where the manifest does not say in how many rounds, or how.

    Each round takes a part of the ratio and rounds it: together up to half an entry a round more.
    """
    scorer, ratio = manifest.scorer, manifest.ratio
    unknown = manifest.preset is not None and preset_named(manifest.preset) is None
    if scorer is None or ratio is None or unknown:
        return None
    if not (0 <= ratio <= 1 and 0 <= manifest.protect <= 1):
        return None
    quota = quota_of(manifest.preset)
    fills = scorer.distribution == OWN and scorer.name in FILLS
    rounds = [point.round for point in manifest.search if point.chosen]
    if not fills and len(rounds) != 1:
        return None
    number = 1 if fills else max(1, rounds[0])
    over = number if quota is published_count else number / 2

    def most(entries: int) -> int:
        if number == 1:
            return min(quota(ratio, entries), entries)
        return min(math.floor(ratio * entries * (1 + 1e-9) + over), entries)

    exact = fills and manifest.unit in (None, "entry") and manifest.subject != "delta"
    return Quotas(most, lambda entries: count(manifest.protect, entries), exact)


def _is_alone(site: SiteRecord) -> bool:
    """Whether one matrix was open to change in a tensor, and not several or a part of one."""
    parts = "." in site.kind and not site.kind.endswith(FACTORS)
    return len(site.shape) == 2 and not (site.tokens or parts or "+" in site.kind)


@dataclass(frozen=True)
class _Nonzero:
    """Where a tensor of the source is not zero: nothing else can be taken away. Read when asked."""

    source: Checkpoint
    name: str

    def count(self) -> int:
        """Of the whole tensor."""
        raw = self.source.raw(self.name).reshape(-1)
        return sum(int(np.count_nonzero(self._of(raw[a:b]))) for a, b in chunks(len(raw)))

    def lines(self) -> Lines:
        """Of each row and column."""
        raw = self.source.raw(self.name)
        step = max(1, CHUNK // max(1, raw.shape[1]))
        rows, columns = np.zeros(raw.shape[0], np.int64), np.zeros(raw.shape[1], np.int64)
        for start in range(0, len(raw), step):
            found = self._of(raw[start : start + step]).reshape(-1, raw.shape[1])
            rows[start : start + step] = np.count_nonzero(found, axis=1)
            columns += np.count_nonzero(found, axis=0)
        return rows, columns

    def _of(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(to_float32(raw, self.source.entries[self.name].dtype) != 0)


def _fills_tensor(held: int, entries: int, quotas: Quotas, nonzero: _Nonzero) -> bool:
    most, kept = quotas.most(entries), quotas.kept(entries)
    if held > most:
        return False
    if not quotas.exact or held >= min(most, entries - kept):
        return True
    return held >= min(most, nonzero.count() - kept)


def _fills_rows(found: Lines, rows: int, columns: int, quotas: Quotas, nonzero: _Nonzero) -> bool:
    """Whether each row holds its quota, or each column does; less where it is zero or protected."""
    kept = quotas.kept(rows * columns)
    full = (np.full(rows, quotas.most(columns)), np.full(columns, quotas.most(rows)))
    open_ = [i for i in (0, 1) if not (found[i] > full[i]).any()]
    if not quotas.exact or any((full[i] - found[i]).sum() <= kept for i in open_):
        return bool(open_)
    there = nonzero.lines()
    lacking = (np.minimum(full[i], there[i]) - found[i] for i in open_)
    return any(np.maximum(each, 0).sum() <= kept for each in lacking)


def _lines(held: np.ndarray, rows: int, columns: int) -> Lines:
    """How many of some positions lie in each row, and in each column.

    >>> [each.tolist() for each in _lines(np.array([0, 1, 4]), 2, 3)]
    [[2, 1], [1, 2, 0]]
    """
    by_row, by_column = np.zeros(rows, np.int64), np.zeros(columns, np.int64)
    for start in range(0, len(held), CHUNK):  # a mask may fill most of the memory
        some = held[start : start + CHUNK]
        by_row += np.bincount(some // columns, minlength=rows)
        by_column += np.bincount(some % columns, minlength=columns)
    return by_row, by_column


def _check_all(
    masked: Mapping[str, int],
    manifest: Manifest,
    source: Checkpoint,
    quotas: Quotas,
    alone: Collection[str],
) -> Iterator[Finding]:
    """Find more entries of all matrices together than the ratio takes, or fewer."""
    entries = {site.name: site.entries for site in manifest.sites}
    whole, total = sum(entries.values()), sum(masked.values())
    most = quotas.most(whole)
    enough = not quotas.exact or any(name not in alone for name in entries)
    if not enough:
        # A tensor of which nothing is masked may have had nothing to choose from.
        held = {name: entries[name] for name in masked if name in entries}
        kept = sum(map(quotas.kept, held.values()))
        enough = total >= min(most, sum(held.values()) - kept)
        if not enough:
            enough = total >= sum(_Nonzero(source, name).count() for name in held) - kept
    if total > most or not enough:
        message = f"{total} of {whole} entries are not what the ratio takes of all"
        yield Finding("record", MANIFEST_NAME, None, message)
