"""A manifest against itself, its mask and its values: what must agree, whoever sealed it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.mask_header import header_of
from modelrepair.artifact.records import SiteRecord
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.mask import MaskFile
from modelrepair.checkpoint.norms import CHUNK
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.checkpoint.values import VALUES_NAME, ValuesFile
from modelrepair.evaluation.measures import Measure, Measures
from modelrepair.settings.presets import preset_named

_RATES = (
    "harmful_score", "refusal_rate", "benign_refusal_rate", "degenerate_rate", "utility",
    "task_accuracy",
)  # fmt: skip
_COMMAND = re.compile(
    r"""modelrepair\ fix(?:\ (?:
        (?:[\w./:+=@-]|…)+           # bare words, a secret in one of them left out
        | "[^"“”„`%$!\\\x00-\x1f]*"   # and such that every shell reads alike between quotes
    ))+""",
    re.VERBOSE,
)


def check_agreement(manifest: Manifest) -> Iterator[Finding]:
    """Find what a manifest leaves out, or says against itself.

    >>> list(check_agreement(manifest))  # doctest: +SKIP
    []
    """
    origins = {"source": manifest.source, "base": manifest.base, "adapter": manifest.adapter}
    for name, origin in origins.items():
        if origin is not None and not origin.files:
            yield _record(f"names no file of the {name}: any would do")
    if manifest.adapter is not None and manifest.base is None:
        yield _record("an adapter was merged, and there is no base")
    for name in ("coverage", "protect", "masked_share"):
        if not 0 <= getattr(manifest, name) <= 1:
            yield _record(f"{name} is {getattr(manifest, name)}, no share")
    if manifest.ratio is not None and not 0 <= manifest.ratio <= 1:
        yield _record(f"the ratio is {manifest.ratio}, no share")
    if (
        min(manifest.token_budget - 1, manifest.by.api - 1, *manifest.left_behind_kinds.values())
        < 0
    ):
        yield _record("a count is negative")
    if manifest.measures and not manifest.sets:
        yield _record("examples were measured, and no set is named")
    for site in manifest.sites:
        yield from _check_site(site, manifest.edit == "mask")
    for name, given in manifest.sets.items():
        if min((*given.counts.values(), given.dropped, given.cut), default=0) < 0:
            yield _record(f"the set {name} has a negative count")
    for template in manifest.templates:
        for measures in template.measures.values():
            yield from _check_measures(measures, f"under {template.id}", manifest)
    for point in manifest.search:
        if not (0 <= point.share <= 1 and point.ratio >= 0 and point.round >= 0):
            yield _record(f"a point of the search has share {point.share}, ratio {point.ratio}")
        if point.measures is not None:
            yield from _check_measures(point.measures, "a point of the search", manifest)
    yield from _check_chosen(manifest)
    yield from _check_asked(manifest)
    if not _COMMAND.fullmatch(manifest.command):
        yield _record("its command, which people paste, is more than one of modelrepair")
    yield from _check_reference(manifest)
    yield from _check_answers(manifest)


def check_unit(
    mask: MaskFile, manifest: Manifest, entries: Mapping[str, TensorEntry]
) -> Iterator[Finding]:
    """Find masked entries that are no whole rows or columns, where larger units were masked.

    Rows, heads and neurons are made of these. Which of them hang together, the model alone shows.

    >>> list(check_unit(mask, manifest, source.entries))  # doctest: +SKIP
    []

    Args:
        mask: the opened mask.
        manifest: the manifest.
        entries: the source's tensors by name.
    """
    if manifest.unit in (None, "entry"):
        return
    for name in mask.names:
        entry = entries[name]
        if not _whole_lines(mask.positions(name, entry.entries), entry.shape):
            message = f"a {manifest.unit} was masked as one, and these entries are no whole lines"
            yield Finding("record", MANIFEST_NAME, name, message)


def _whole_lines(positions: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether entries of one matrix, or of several in one tensor, are whole rows or columns.

    >>> _whole_lines(np.array([0, 1, 4]), (2, 2, 2)), _whole_lines(np.array([0, 2]), (2, 2))
    (False, True)
    """
    if len(shape) < 2:
        return False
    rows, columns = shape[-2:]
    if 1 in (rows, columns):
        return True
    matrices = math.prod(shape[:-2])
    by_row = np.zeros(matrices * rows, np.int64)
    by_column = np.zeros(matrices * columns, np.int64)
    for start in range(0, len(positions), CHUNK):  # a mask may fill most of the memory
        some = positions[start : start + CHUNK]
        by_row += np.bincount(some // columns, minlength=len(by_row))
        in_column = some // (rows * columns) * columns + some % columns
        by_column += np.bincount(in_column, minlength=len(by_column))
    broken = [
        {*np.flatnonzero((counts > 0) & (counts < full)) // lines}
        for counts, full, lines in ((by_row, columns, rows), (by_column, rows, columns))
    ]
    return not broken[0] & broken[1]


def _check_chosen(manifest: Manifest) -> Iterator[Finding]:
    """Find a search whose chosen point is not the change that was made."""
    if not manifest.search:
        return
    amount = manifest.repairer.strength if manifest.repairer else manifest.ratio
    chosen = [(point.scorer, point.ratio) for point in manifest.search if point.chosen]
    if chosen != [(manifest.by.name, amount)]:
        yield _record(f"the search chose {chosen[:3]}, and made {(manifest.by.name, amount)}")


def _check_asked(manifest: Manifest) -> Iterator[Finding]:
    """Find a mask made otherwise than its settings ask, or than the preset that it names."""
    asked = manifest.settings
    if manifest.edit != "mask":
        return
    made = {name: getattr(manifest, name) for name in ("scope", "protect", "scale")}
    made["unit"] = manifest.unit or "entry"  # an older manifest does not say it
    for name, value in made.items():
        if asked.get(name) is not None and asked[name] != value:
            yield _record(f"its {name} is {value}, and its settings say {asked[name]}")
    ratio = asked.get("ratio")
    if isinstance(ratio, float) and not math.isclose(ratio, manifest.ratio or 0, rel_tol=1e-9):
        yield _record(f"its ratio is {manifest.ratio}, and its settings say {ratio}")
    if "preset" in asked and asked["preset"] != manifest.preset:
        yield _record(f"its preset is {manifest.preset}, and its settings say {asked['preset']}")
    preset = preset_named(manifest.preset)
    if preset is None:
        return
    if manifest.by.name != preset.scorer or manifest.unit not in (None, "entry"):
        yield _record(f"the preset {manifest.preset} masks entries, and is of {preset.scorer}")
    if preset.adapter and manifest.subject != "factor":
        yield _record(f"the preset {manifest.preset} masks an adapter's factors")


def check_header(mask: MaskFile, manifest: Manifest, shards: Iterable[str]) -> Iterator[Finding]:
    """Make the mask's header again from the manifest, and compare.

    >>> list(check_header(mask, manifest, source.files))  # doctest: +SKIP
    []

    Args:
        mask: the opened mask.
        manifest: the manifest.
        shards: the source's weight files.
    """
    shards = set(shards)
    lost = sorted(shards - manifest.files.keys() | shards - manifest.source.files.keys())
    if lost:
        yield Finding("mask", MASK_NAME, None, f"there is no digest for {lost[0]}")
        return
    wanted = header_of(manifest, manifest.source.files, manifest.files, shards)
    for key in sorted(wanted.keys() | mask.header.keys()):
        if mask.header.get(key) != wanted.get(key):
            message = f"its header's {key} is not what follows from the manifest"
            yield Finding("mask", MASK_NAME, None, message)


def check_names(masked: Mapping[str, int], values: ValuesFile | None) -> Iterator[Finding]:
    """Find tensors of mask and values that stand for nothing.

    >>> [each.tensor for each in check_names({"w": 2, "extra": 0}, None)]
    ['extra']

    Args:
        masked: how many positions the mask holds for each of its tensors.
        values: the stored values, where there are some.
    """
    for name, count in masked.items():
        if not count:
            yield Finding("mask", MASK_NAME, name, "holds no position")
    if values is None:
        return
    for name in values.names:
        if name not in masked:
            yield Finding("values", VALUES_NAME, name, "has values, and no masked entry")
    if values.metadata:
        yield Finding("values", VALUES_NAME, None, "holds more than values")


def _check_site(site: SiteRecord, mask: bool) -> Iterator[Finding]:
    if site.block is not None and site.block < 0:
        yield Finding("record", MANIFEST_NAME, site.name, f"block {site.block}")
    if site.entries != math.prod(site.shape) or not 0 <= site.masked <= site.entries:
        message = f"{site.masked} of {site.entries} entries, of shape {list(site.shape)}"
        yield Finding("record", MANIFEST_NAME, site.name, message)
    if (site.digest is not None) != (not mask and site.masked > 0):
        message = "a changed tensor of a dense edit has a digest, and no other"
        yield Finding("record", MANIFEST_NAME, site.name, message)
    if any(count < 0 for experts in site.tokens.values() for count in experts.values()):
        yield Finding("record", MANIFEST_NAME, site.name, "a negative count of tokens")


def _check_measures(measures: Measures, where: str, manifest: Manifest) -> Iterator[Finding]:
    if manifest.judge is not None and measures.judge != manifest.judge.name:
        yield _record(f"{where}: judged by {measures.judge!r}, not by the manifest's judge")
    by_set = {f"degenerate in {name}": rate for name, rate in measures.degenerate_by_set.items()}
    rates: dict[str, Measure | None] = {name: getattr(measures, name) for name in _RATES}
    for kind, taken in measures.kinds.items():
        by_set[f"refusals of kind {kind}"] = taken.benign_refusal_rate
        by_set[f"degenerate of kind {kind}"] = taken.degenerate_rate
    for name, measure in (rates | by_set).items():
        if measure is None:
            continue
        low, high = (0.0 if measure.low is None else measure.low), measure.high
        if measure.n < 1 or not 0 <= low <= measure.value <= (1.0 if high is None else high) <= 1:
            yield _record(f"{where}: {name} is {measure.value} of {measure.n}, {low} to {high}")


def _check_reference(manifest: Manifest) -> Iterator[Finding]:
    delta = manifest.edit == "mask" and manifest.subject == "delta"
    sites = {site.name for site in manifest.sites} if delta else set()
    masked = {site.name for site in manifest.sites if delta and site.masked}
    if not masked <= manifest.reference_tensors.keys() <= sites:
        yield _record("the digests of the reference are not those of the sites")
    if delta and manifest.reference is None:
        yield _record("what was masked is a delta, and there is no reference")


def _check_answers(manifest: Manifest) -> Iterator[Finding]:
    """Find a verdict on answers of another engine that does not say so, or the other way round."""
    later = manifest.settings.get("answer_later") is True
    judged = {role for role, each in manifest.measures.items() if each.degenerate_rate is not None}
    wanted = judged if later else set()
    if manifest.answers.keys() != wanted:
        yield _record(
            "it does not say what answered, and answers were left for later"
            if later
            else "it says that another engine answered, and none was asked to"
        )


def _record(message: str) -> Finding:
    return Finding("record", MANIFEST_NAME, None, message)
