"""Stage 4, difference in full: what the change of all tensors together reads as.

Each tensor is read once (`difference.changes`), with limits that come from what rounding in the
model's dtype gives, and not from models that were seen. The rules count what the readings are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.difference.difference import Difference, TensorChange
from modelrepair.auditing.difference.directions import SHARED, overlap, unrelated
from modelrepair.auditing.rule import Check, Finding, Rule, listed

UNCHANGED = Rule(
    "MR-DIF-001",
    "difference",
    "note",
    "all-weights-equal",
    "every weight is the base's, bit for bit",
    "nothing: it is a copy, whatever its name says",
)
REMOVED = Rule(
    "MR-DIF-002",
    "difference",
    "error",
    "direction-removed",
    "a direction was removed from the weights, as is done to take refusals out of a model",
    "repair it with modelrepair fix MODEL --reference BASE; see what it refuses with --measure; "
    "don't offer it under its base's name",
)
LOW_RANK = Rule(
    "MR-DIF-003",
    "difference",
    "note",
    "low-rank-change",
    "the change is of low rank, as a merged adapter's is",
    "ask which data the adapter was trained on; --measure says what it does",
)
FULL = Rule(
    "MR-DIF-004",
    "difference",
    "note",
    "change-of-all-weights",
    "the change is dense and of high rank, as training of all weights gives it",
    "ask which data it was trained on; --measure says what it does",
)
SPARSE = Rule(
    "MR-DIF-005",
    "difference",
    "warning",
    "entries-edited",
    "single entries were changed by far more than rounding, and the others not at all",
    "check a repair's record with --proof; ask the author what was edited where there is none",
)
PRUNED = Rule(
    "MR-DIF-006",
    "difference",
    "note",
    "smallest-zeroed",
    "the smallest weights were set to zero",
    "measure it: pruning can take refusals out, too",
)
RECORD = "repair/manifest.json"
"""Where a repair of ours leaves its record; the proof stage checks it."""
MOST = 0.5
"""The share of the changed matrices that must read as training for the whole to be called so."""


def unchanged(context: Context) -> Finding:
    """Whether all tensors are the base's."""
    found = context.difference
    same, converted = len(found.read_as("equal")), len(found.read_as("converted"))
    total = len(found.tensors)
    if same + converted < total:
        return UNCHANGED.clear(
            f"{total - same - converted:,} of {total:,} tensors differ; {same:,} are equal bit for "
            "bit", tensors=total, equal=same, converted=converted,
        )  # fmt: skip
    if gap := _gap(found):
        return UNCHANGED.inconclusive(gap, tensors=total, equal=same)
    said = f", {converted:,} of them after conversion to another dtype" if converted else ""
    return UNCHANGED.found(
        f"all {total:,} tensors are equal{said}", tensors=total, equal=same, converted=converted
    )


def removed(context: Context) -> Finding:
    """Whether directions were removed: one for all matrices, or one for each.

    A single matrix counts where nothing is left of its change but rounding. Where other changes
    lie on top, what is left can't prove anything, and the matrices must agree on the direction.
    """
    found = context.difference
    hits = found.read_as("removed")
    groups = Counter(len(each.removed.vectors) for each in hits if each.removed)
    dimension = groups.most_common(1)[0][0] if groups else 0
    vectors = [each.removed.vectors for each in hits
               if each.removed and len(each.removed.vectors) == dimension]  # fmt: skip
    agree = overlap(vectors)
    exact = [each for each in hits if each.removed and each.removed.exact]
    evidence: dict[str, Any] = {
        "matrices": len(hits),
        "exact": len(exact),
        "projections": _counts(hits),
        "layers": _layers(hits),
        "overlap": _short(agree),
        "overlap_of_unrelated": _short(unrelated(dimension)) if dimension else None,
        "strength": _short(_middle([each.removed.strength for each in hits if each.removed])),
        "explained": _short(_middle([each.removed.explained for each in hits if each.removed])),
        "sides": dict(Counter(each.removed.side for each in hits if each.removed)),
    }
    shared = agree is not None and agree >= SHARED
    if exact or shared:
        whose = "one direction" if shared else "a direction of its own for each"
        if len(hits) == 1:
            whose = "a direction"
        soft = evidence["strength"]
        said = "" if soft is not None and soft > 0.95 else f", to {soft:.0%} of it"
        agreed = f"; the directions agree by {agree:.2f}" if agree is not None else ""
        if agree is not None:
            agreed += f", unrelated ones by {unrelated(dimension):.2f}"
        return REMOVED.found(
            f"{whose} is removed from {len(hits)} matrices ({listed(_counts(hits))}){said}{agreed}",
            severity="warning" if len(hits) == 1 else None,
            **evidence,
        )
    if hits:
        return REMOVED.inconclusive(
            f"{len(hits)} matrices change mostly along one direction of theirs, but not along a "
            "shared one, and not along that alone", **evidence,
        )  # fmt: skip
    return _clear(REMOVED, found, "no matrix has a direction removed")


def low_rank(context: Context) -> Finding:
    """Whether the matrices changed by a low rank, as a merged adapter's do."""
    found = context.difference
    hits, changed = found.read_as("low-rank"), _changed(found)
    if hits and len(hits) >= MOST * len(changed):
        ranks = Counter(each.rank for each in hits)
        common, count = ranks.most_common(1)[0]
        largest = max(each.rank or 0 for each in hits)
        what = "the adapter changes" if found.adapter else "low-rank change in"
        return LOW_RANK.found(
            f"{what} {len(hits)} of {len(changed)} changed matrices; rank {common} in {count}, "
            f"{largest} at most",
            matrices=len(hits), changed=len(changed), rank=common, matrices_of_rank=count,
            largest=largest, projections=_counts(hits), layers=_layers(hits),
        )  # fmt: skip
    if hits:
        return LOW_RANK.inconclusive(
            f"{len(hits)} of {len(changed)} changed matrices changed by a low rank, the others "
            "otherwise", matrices=len(hits), changed=len(changed), projections=_counts(hits),
        )  # fmt: skip
    return _clear(LOW_RANK, found, "no matrix has a change of low rank")


def full(context: Context) -> Finding:
    """Whether most changed matrices changed as a whole."""
    found = context.difference
    hits, changed = found.read_as("dense"), _changed(found)
    if hits and len(hits) >= MOST * len(changed):
        norms = [each.norm for each in hits if each.norm is not None]
        ranks = [each.stable_rank for each in hits if each.stable_rank is not None]
        return FULL.found(
            f"{len(hits)} of {len(changed)} changed matrices changed as a whole, in "
            f"{len(_layers(hits))} layers; stable rank {_middle(ranks) or 0:.0f} in the middle",
            matrices=len(hits), changed=len(changed), layers=_layers(hits),
            norm=_short(_middle(norms)), stable_rank=_short(_middle(ranks)),
            projections=_counts(hits),
        )  # fmt: skip
    if hits:
        return FULL.inconclusive(
            f"{len(hits)} of {len(changed)} changed matrices changed as a whole, the others "
            "otherwise", matrices=len(hits), changed=len(changed), projections=_counts(hits),
        )  # fmt: skip
    return _clear(FULL, found, "no matrix changed as a whole")


def sparse(context: Context) -> Finding:
    """Whether single entries were edited, and whether a record of a repair says so."""
    found = context.difference
    hits = found.read_as("sparse")
    if not hits:
        return _clear(SPARSE, found, "no matrix has single entries changed")
    ours = RECORD in context.target.files
    entries = sum(_size(each) for each in hits)
    share = sum(each.changed * _size(each) for each in hits) / entries
    zeros = sum(each.zeroed * _size(each) for each in hits) / max(share * entries, 1e-12)
    said = f"{RECORD} says that it is a repair" if ours else "no record of a repair"
    return SPARSE.found(
        f"{share:.2%} of the entries of {len(hits)} matrices were changed, {zeros:.0%} of them to "
        f"zero; {said}",
        files=[RECORD] if ours else (),
        severity="note" if ours else None,
        matrices=len(hits), share=_short(share), zeroed=_short(zeros), record=ours,
        projections=_counts(hits), layers=_layers(hits),
    )  # fmt: skip


def pruned(context: Context) -> Finding:
    """Whether the smallest entries were set to zero."""
    found = context.difference
    hits = found.read_as("pruned")
    if not hits:
        return _clear(PRUNED, found, "no matrix has its smallest entries set to zero")
    share = sum(each.zeroed * _size(each) for each in hits) / sum(map(_size, hits))
    smallest = _middle([each.smallest or 0.0 for each in hits])
    return PRUNED.found(
        f"{share:.0%} of the entries of {len(hits)} matrices were set to zero, "
        f"{smallest or 0:.0%} of these the smallest of their matrix or row",
        matrices=len(hits), share=_short(share), smallest=_short(smallest),
        projections=_counts(hits), layers=_layers(hits),
    )  # fmt: skip


def _clear(rule: Rule, found: Difference, message: str) -> Finding:
    """Clear, where everything was compared and could be read."""
    if gap := _gap(found):
        return rule.inconclusive(gap)
    unclear = found.read_as("unclear")
    if unclear and rule in (REMOVED, LOW_RANK, FULL):
        return rule.inconclusive(
            f"the change of {len(unclear)} matrices is no larger than rounding: its rank can't be "
            "seen", matrices=len(unclear), projections=_counts(unclear),
        )  # fmt: skip
    return rule.clear(message, tensors=len(found.tensors))


def _gap(found: Difference) -> str | None:
    """What was not compared, in one line."""
    if not found.left_out:
        return None if found.tensors else "the two have no tensor in common"
    first = sorted(found.left_out)[0]
    return (
        f"{len(found.left_out):,} tensors were not compared: {listed(found.left_out)} "
        f"({found.left_out[first]})"
    )


def _changed(found: Difference) -> list[TensorChange]:
    return [each for each in found.tensors
            if each.reading not in ("equal", "converted", "vector")]  # fmt: skip


def _size(change: TensorChange) -> int:
    count = 1
    for each in change.shape:
        count *= each
    return count


def _counts(changes: Sequence[TensorChange]) -> dict[str, int]:
    return dict(Counter(each.projection for each in changes))


def _layers(changes: Sequence[TensorChange]) -> list[int]:
    return sorted({each.layer for each in changes if each.layer is not None})


def _middle(values: Sequence[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


CHECKS: tuple[Check[Context], ...] = (
    (UNCHANGED, unchanged),
    (REMOVED, removed),
    (LOW_RANK, low_rank),
    (FULL, full),
    (SPARSE, sparse),
    (PRUNED, pruned),
)
