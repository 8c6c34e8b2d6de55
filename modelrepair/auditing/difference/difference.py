"""The whole difference between a model and its base, tensor by tensor, in blocks of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from modelrepair.auditing.difference.directions import Removed, removed_from
from modelrepair.auditing.difference.pairs import Pair, pairs
from modelrepair.auditing.difference.spectrum import (
    SAMPLE,
    ULP,
    Sketch,
    blocks,
    counted_rank,
    leading,
    refined,
)
from modelrepair.auditing.difference.zeroed import below_the_rest
from modelrepair.auditing.opened import Opened
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import InconclusiveError
from modelrepair.progress import Progress
from modelrepair.source.resolve import resolve

Reading = Literal["equal", "converted", "removed", "low-rank", "dense", "sparse", "pruned",
                  "vector", "unclear"]  # fmt: skip
"""What one tensor's change reads as."""

LEADING = 0.5
"""The share of a change's energy that its leading directions must have to be looked at."""
SPARSE = 0.5
"""The share of changed entries below which a change is sparse, where its steps are large, too."""
LARGE_STEP = 16.0
"""In squared ulps. A dense update of which most is lost in rounding has a standard deviation of
less than .75 ulp, so the entries that it moves are moved by one ulp, seldom two; a mean square of
16 is no such update."""
LOW = 0.5
"""The share of the looked-at part's size up to which a rank is low."""
SAME = 0.75
"""A low rank is the same in a part of half the size, where a dense change has half as many values
above rounding. Between 1 and ½; the weakest values of a low rank may be lost in the smaller, one of
a few values at any share."""


@dataclass(frozen=True)
class TensorChange:
    """How one tensor, or one expert of stacked ones, differs from the base's.

    Args:
        name: of the tensor.
        layer: the number of its block; None outside of blocks.
        projection: its own name.
        shape: of the tensor.
        reading: what its change reads as.
        changed: the share of entries whose bits differ; after conversion where dtypes differ.
        norm: ‖Δ‖ / ‖base‖; None where it is not finite.
        scaled: the cosine between Δ and the base: 1 where it was only scaled up.
        zeroed: the share of entries that are 0 and were not.
        smallest: the share of these that were among the smallest of the tensor or of their row.
        stable_rank: ‖Δ‖² / σ₁²; at most as much too large as `spectrum.FLAT_ERROR` says.
        top_share: σ₁² / ‖Δ‖².
        rank: singular values above rounding, in a part of up to `spectrum.SAMPLE` squared.
        strength: how far the first direction is removed, where some are; 1 is in full.
        explained: the share of the change that removing them explains.
        removed: the directions; no document holds them.
    """

    name: str
    layer: int | None
    projection: str
    shape: tuple[int, ...]
    reading: Reading
    changed: float = 0.0
    norm: float | None = 0.0
    scaled: float | None = None
    zeroed: float = 0.0
    smallest: float | None = None
    stable_rank: float | None = None
    top_share: float | None = None
    rank: int | None = None
    strength: float | None = None
    explained: float | None = None
    removed: Removed | None = None

    def figures(self) -> list[Any]:
        """Its row of the compact table; the columns are `COLUMNS`."""
        values = [getattr(self, each) for each in COLUMNS]
        return [float(f"{v:.4g}") if isinstance(v, float) else list(v) if isinstance(v, tuple)
                else v for v in values]  # fmt: skip


COLUMNS = ("name", "layer", "projection", "shape", "reading", "changed", "norm", "scaled", "zeroed",
           "smallest", "stable_rank", "top_share", "rank", "strength", "explained")  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """All that differs between two models.

    Args:
        tensors: each that both have.
        left_out: what could not be compared, with the reason.
        adapter: whether the model is an adapter.
    """

    tensors: tuple[TensorChange, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    adapter: bool = False

    def read_as(self, *readings: Reading) -> list[TensorChange]:
        """The tensors whose change reads so."""
        return [each for each in self.tensors if each.reading in readings]

    def to_json(self) -> dict[str, Any]:
        """The figures as a compact table."""
        rows = [each.figures() for each in self.tensors]
        return {
            "columns": list(COLUMNS),
            "tensors": rows,
            "left_out": dict(self.left_out),
            "adapter": self.adapter,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Difference:
        """The difference that a document of `to_json` holds, without the directions.

        >>> Difference.from_json(Difference(()).to_json())
        Difference(tensors=(), left_out={}, adapter=False)
        """
        rows = [dict(zip(document["columns"], row, strict=True)) for row in document["tensors"]]
        tensors = tuple(TensorChange(**{**row, "shape": tuple(row["shape"])}) for row in rows)
        return cls(tensors, document["left_out"], document["adapter"])


def difference(
    target: Opened, base: Opened, seed: int = 0, progress: Progress | None = None
) -> Difference:
    """Compare two models in full; those on the Hub are downloaded first.

    Args:
        target: the model, or an adapter.
        base: what it is compared with.
        seed: of the sketches.
        progress: where the tensors are shown.

    Raises:
        ModelRepairError: one can't be downloaded or read.
    """
    if base.is_adapter:
        raise InconclusiveError("the base is an adapter", hint="name a whole model with --base")
    progress = progress or Progress()
    new, old = local(target), local(base)
    left_out: dict[str, str] = {}
    adapter = target.adapter_config if target.is_adapter else {}
    total = sum(entry.entries for entry in new.entries.values())
    found = []
    with progress.step("comparing", total) as advance:
        for each in pairs(new, old, left_out, adapter):
            found.append(changes(each, seed))
            advance(each.old.size)
    return Difference(tuple(found), left_out, target.is_adapter)


def local(model: Opened) -> Checkpoint:
    """A model's tensors, to be mapped; downloaded at the commit that was opened."""
    if model.here:
        return model.checkpoint
    found = resolve(str(model.source.id), model.source.commit, local=False)
    return Checkpoint.open(found.folder)


def changes(pair: Pair, seed: int = 0) -> TensorChange:
    """The figures of one matrix, and what they read as.

    >>> old = np.full((1, 4), 0x3F80, np.uint16)
    >>> changes(Pair("norm.weight", (4,), old, "BF16", old, "BF16")).reading
    'equal'
    """
    named = (pair.name, pair.layer, pair.projection, pair.shape)
    if pair.new is not None and _same(pair):
        return TensorChange(*named, "converted" if pair.cast else "equal")
    rows, columns = pair.size
    gathered = Sketch(pair.size, seed)
    moved = zeroed = touched = 0
    change = weights = inner = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for low, high in blocks(pair.size):
            base = pair.base(low, high)
            block = pair.change(low, high, base)
            flat, old = block.reshape(-1), base.reshape(-1)
            change += float(np.dot(flat, flat))
            weights += float(np.dot(old, old))
            inner += float(np.dot(flat, old))
            gathered.add(low, high, block)
            if pair.new is not None:
                differs = pair.new[low:high] != pair.old_bits(low, high)
                moved += int(np.count_nonzero(differs))
                touched += int(np.count_nonzero(differs.any(axis=1)))
                zeroed += _new_zeros(pair, low, high, base)
    entries = rows * columns
    finite = np.isfinite(change) and np.isfinite(weights)
    changed = moved / entries if pair.new is not None else float(change > 0)
    norm = (change / weights) ** 0.5 if finite and weights else None
    scaled = inner / (change * weights) ** 0.5 if finite and change and weights else None
    smallest = below_the_rest(pair, seed) if zeroed else None
    plain = TensorChange(*named, "vector", changed, norm, scaled, zeroed / entries, smallest)
    if not finite or min(rows, columns) == 1 or not change:
        return plain
    # Rows outside of the blocks belong to tokens: those that training never saw stay as they are.
    among = moved / (touched * columns) if pair.layer is None and touched else changed
    return _read(pair, plain, seed, gathered, weights, change, among)


def _read(
    pair: Pair, plain: TensorChange, seed: int, gathered: Sketch, weights: float, change: float,
    among: float,
) -> TensorChange:  # fmt: skip
    """What the change of a matrix reads as; the first that fits."""
    ulp = ULP[pair.dtype] if pair.factors is None else 2.0**-23
    found = leading(pair.change, pair.size, gathered)
    removed = None
    only_zeros = plain.zeroed > 0 and plain.changed - plain.zeroed < 0.01 * plain.changed
    if np.square(found.values, dtype=np.float64).sum() >= LEADING * change and not only_zeros:
        found = refined(pair.change, pair.size, found)
        removed = removed_from(pair, found, weights=weights, change=change, ulp=ulp)
    first = float(found.values[0] ** 2)
    generator = np.random.default_rng(seed)
    part = pair.part(*(generator.permutation(size)[:SAMPLE] for size in pair.size))
    rank, above, noise = counted_rank(part[1], part[0] + part[1], ulp)
    cut = np.s_[: len(part[0]) // 2, : part[0].shape[1] // 2]
    # The mean square of a changed entry's step, in ulps of a typical weight.
    step = change / (max(plain.changed, 1e-12) * ulp**2 * max(weights, 1e-300))
    reading: Reading = "dense"
    if plain.zeroed >= 0.05 and (plain.smallest or 0) >= 0.95:
        reading = "pruned"
    elif removed is not None and (removed.exact or removed.explained >= LEADING):
        reading = "removed"
    elif only_zeros or (among < SPARSE and step >= LARGE_STEP and pair.factors is None):
        reading = "sparse"
    elif rank == 0 or (above < 0.5 and noise >= 0.25):
        # Under what rounding gives: an update of any rank looks like this.
        reading = "unclear"
    elif (
        rank <= LOW * min(part[0].shape)
        and 1 - above <= 2 * noise + 1e-9
        and counted_rank(part[1][cut], (part[0] + part[1])[cut], ulp)[0] >= SAME * rank - 1
    ):
        reading = "low-rank"
    shown = removed if reading == "removed" else None
    return replace(
        plain,
        reading=reading,
        stable_rank=change / first if first else None,
        top_share=first / change,
        rank=rank,
        strength=None if shown is None else shown.strength,
        explained=None if shown is None else shown.explained,
        removed=shown,
    )


def _same(pair: Pair) -> bool:
    assert pair.new is not None
    return all(
        np.array_equal(pair.new[low:high], pair.old_bits(low, high))
        for low, high in blocks(pair.size)
    )


def _new_zeros(pair: Pair, low: int, high: int, base: np.ndarray) -> int:
    """Zeros that the base does not have; −0 is one."""
    assert pair.new is not None
    bits = pair.new[low:high]
    size = bits << bits.dtype.type(1)
    if size.min():
        return 0
    return int(np.count_nonzero((size == 0) & (base != 0)))
