"""What every finding of the sample says besides: its figures, and what it would have missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from modelrepair.auditing.lineage.changes import Change, Kind
from modelrepair.auditing.lineage.lineage import Lineage, layers_of
from modelrepair.auditing.rule import Finding, Rule, listed

KINDS: tuple[Kind, ...] = get_args(Kind)


def none_of(rule: Rule, seen: Lineage, what: str) -> Finding:
    """That no slice is of a kind, or that some may be.

    >>> none_of(rule, seen, "is scaled").message  # doctest: +SKIP
    'none of 39 slices is scaled; every entry was compared'

    Args:
        rule: which asks.
        seen: what the sample says.
        what: is so of none of them.
    """
    if seen.copied:
        return rule.clear("its weights files have the SHA-256 of its base's", certain=True)
    decided = set(KINDS) - {"equal", "undecided", "unread"}
    # Norms are too short to decide; the matrices beside them are not.
    hidden = seen.kind("unread") or (not seen.kind(*decided) and seen.kind("undecided"))
    if hidden:
        return rule.inconclusive(
            f"{len(hidden)} of {len(seen.changes)} slices leave it open: their dtype or its "
            f"rounding hides it",
            **figures(seen),
        )
    return rule.clear(f"none of {len(seen.changes)} slices {what}; {power(seen)}", **figures(seen))


def power(seen: Lineage) -> str:
    """Which change the sample would have shown.

    >>> power(seen)  # doctest: +SKIP
    'every entry was compared'
    """
    sample = seen.sample
    if sample.whole and not sample.out_of_reach:
        return "every entry was compared"
    if sample.whole:
        return f"all but {sample.out_of_reach:.2%} of the entries, without a counterpart, compared"
    return (
        f"a change is seen with 95 % chance from {_share(sample.scattered)} of the entries on if "
        f"scattered, from {_share(sample.clustered)} on if in runs of rows or whole tensors"
    )


def _share(value: float) -> str:
    return f"{100 * value:.2g} %"


def figures(seen: Lineage) -> dict[str, Any]:
    """The figures that every finding of the sample has.

    >>> figures(seen)["slices"]  # doctest: +SKIP
    39
    """
    sample = seen.sample
    return {
        "slices": len(seen.changes),
        "entries": sample.entries,
        "kinds": dict(Counter(each.kind for each in seen.changes)),
        "whole": sample.whole,
        "seen_from_share": {"scattered": sample.scattered, "clustered": sample.clustered},
        "out_of_reach": sample.out_of_reach,
        "files_equal_by_digest": seen.certain,
    }


def figures_of(found: Sequence[Change], seen: Lineage) -> dict[str, Any]:
    """The figures of the slices of one kind, and those of the sample.

    >>> figures_of(seen.kind("dense"), seen)["layers"]  # doctest: +SKIP
    [0, 1, 2, 3]
    """
    names = [each.slice.name for each in found]
    return {**figures(seen), "slices_found": len(found), "tensors": sorted(set(names)),
            "layers": layers_of(names)}  # fmt: skip


def where(found: Sequence[Change], seen: Lineage) -> str:
    """How many slices are of one kind, and of which tensors.

    >>> where(seen.kind("dense"), seen)  # doctest: +SKIP
    '1 of 39 slices (lm_head.weight)'
    """
    names = {each.slice.name for each in found}
    return f"{len(found)} of {len(seen.changes)} slices ({listed(names, 2)})"
