"""Where a model's weights come from, as far as a sample of them shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelrepair.auditing.context import Context
from modelrepair.auditing.lineage.changes import FEWEST_FACTOR, Change, Kind, Weights, change_of
from modelrepair.auditing.lineage.parents import Nearness, nearness
from modelrepair.auditing.lineage.ranks import READABLE
from modelrepair.auditing.lineage.sampling import Sample, Slice, Tensor, draw
from modelrepair.auditing.lineage.slices_read import read_slices
from modelrepair.auditing.opened import Opened
from modelrepair.checkpoint.reader import ITEM_SIZES, TensorEntry
from modelrepair.errors import InconclusiveError, ModelRepairError

READ = frozenset(["BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2"])
"""Dtypes whose entries have values of their own."""
_LAYER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True)
class Lineage:
    """What a sample says of a model and its base.

    Args:
        certain: the model's weights files that are the base's by their digests.
        of: how many weights files the model has.
        sample: what was compared of the other files.
        changes: what happened to each slice.
        nearness: of each slice that a candidate has, too.
        unread: why a candidate could not be compared, by its name.
        compared: the candidates that were.
    """

    certain: int
    of: int
    sample: Sample
    changes: tuple[Change, ...]
    nearness: Mapping[Slice, Nearness]
    unread: Mapping[str, str]
    compared: tuple[str, ...]

    @property
    def copied(self) -> bool:
        """Whether digests show that every file of the weights is the base's."""
        return self.certain == self.of

    @property
    def changed(self) -> list[Change]:
        """The slices that are not equal."""
        return [each for each in self.changes if each.kind != "equal"]

    def kind(self, *kinds: Kind) -> list[Change]:
        """The slices of some kinds."""
        return [each for each in self.changes if each.kind in kinds]


def lineage_of(context: Context) -> Lineage:
    """Compare a sample of a model's weights with its base's and with every candidate's.

    >>> lineage_of(context).changed  # doctest: +SKIP
    []

    Args:
        context: the model under audit.

    Raises:
        InconclusiveError: there is no base, nothing to compare, or no budget left for it.
        ModelRepairError: one of the two can't be read.
    """
    target, base = context.target, context.known_base
    if target.is_adapter or base.is_adapter:
        whose = "it" if target.is_adapter else base.name
        raise InconclusiveError(
            f"{whose} is an adapter: it holds no weights of a whole model, so none are compared",
            hint="merge it into its base first",
        )
    certain = _same_files(target, base)
    files = target.checkpoint.files
    entries, others = target.checkpoint.entries, base.checkpoint.entries
    open_ones = [each for each in entries.values() if each.file not in certain]
    common = [each for each in open_ones if _fits(each, others.get(each.name))]
    if open_ones and not common:
        raise InconclusiveError(
            f"none of its {len(open_ones):,} tensors has the name and shape of one of {base.name}",
            hint="name another base with --base",
        )
    outside = sum(each.entries for each in open_ones) - sum(each.entries for each in common)
    tensors = [_tensor(each, others[each.name]) for each in common]
    sample = draw(tensors, context.seed, min(target.left, base.left), outside)
    if tensors and not sample.slices:
        raise InconclusiveError(
            f"the budget of {target.budget:,} bytes is spent: no weights were compared",
            hint="--budget takes more",
        )
    after, before = read_slices(target, sample.slices), read_slices(base, sample.slices)
    candidates, unread = _candidates(context.candidates, sample, entries)
    unread |= context.lost_candidates
    compared = tuple(name for name in candidates if name != base.name)
    vocabulary = target.config.get("vocab_size")
    changes, near = [], {}
    for each in sample.slices:
        own, known = entries[each.name], others[each.name]
        y, x = Weights(after[each], own.dtype), Weights(before[each], known.dtype)
        read = own.dtype in READ and known.dtype in READ
        by_token = own.shape[:1] == (vocabulary,)
        changes.append(change_of(each, x, y, by_token=by_token, read=read))
        beside = {name: candidates[name][each] for name in compared if each in candidates[name]}
        if beside and read and each.rows > 1:
            near[each] = nearness(y, {base.name: x, **beside})
    return Lineage(len(certain), len(files), sample, _reconciled(changes), near, unread, compared)


def layers_of(names: Iterable[str]) -> list[int]:
    """The numbers of the layers that tensors belong to.

    >>> layers_of(["model.layers.3.mlp.up_proj.weight", "lm_head.weight"])
    [3]
    """
    return sorted({int(found[1]) for name in names if (found := _LAYER.search(name))})


def _same_files(target: Opened, base: Opened) -> set[str]:
    """The weights files of which the base has one with the same digest and the same tensors."""
    digests = {
        facts.sha256: name for name in base.checkpoint.files if (facts := base.files.get(name))
    }
    same = set()
    for name in target.checkpoint.files:
        digest = target.files[name].sha256 if name in target.files else None
        if digest is not None and digest in digests:
            same.add(name)
    return same


def _fits(entry: TensorEntry, other: TensorEntry | None) -> bool:
    return (
        other is not None
        and entry.shape == other.shape
        and {entry.dtype, other.dtype} <= ITEM_SIZES.keys()
    )


def _tensor(entry: TensorEntry, other: TensorEntry) -> Tensor:
    return Tensor(entry.name, entry.shape, max(ITEM_SIZES[entry.dtype], ITEM_SIZES[other.dtype]))


def _candidates(
    candidates: Iterable[Opened], sample: Sample, entries: Mapping[str, TensorEntry]
) -> tuple[dict[str, dict[Slice, Weights]], dict[str, str]]:
    """The same slices of every candidate that has them."""
    found: dict[str, dict[Slice, Weights]] = {}
    unread: dict[str, str] = {}
    for model in candidates:
        try:
            known = model.checkpoint.entries
            there = [
                each
                for each in sample.slices
                if _fits(entries[each.name], known.get(each.name))
                and known[each.name].dtype in READ
            ]
            if not there:
                raise InconclusiveError("no tensor of the same name and shape", hint="")
            bits = read_slices(model, there)
        except ModelRepairError as error:
            unread[model.name] = str(error)
            continue
        found[model.name] = {each: Weights(bits[each], known[each.name].dtype) for each in there}
    return found, unread


def _reconciled(changes: list[Change]) -> tuple[Change, ...]:
    """Take back "dense" where a slice has too few rows for what longer ones show."""
    ranks = [each.rank.rank for each in changes if each.kind == "low-rank" and each.rank]
    columns = any(each.along == "column" for each in changes)
    highest = int(np.max(ranks)) if ranks else 0

    def short(each: Change) -> bool:
        if columns and each.slice.rows < FEWEST_FACTOR:
            return True
        rows = min(each.slice.rows, each.slice.width)
        return bool(ranks) and rows < READABLE * highest

    return tuple(
        replace(each, kind="undecided") if each.kind == "dense" and short(each) else each
        for each in changes
    )
