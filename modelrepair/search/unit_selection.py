"""Which units have the top scores: whole rows, heads or neurons, by the mean of their entries.

A unit costs as many entries of the ratio as it has, so the mean is what it brings for each of
them: taking the best of those first is Dantzig's rule for a budget (Operations Research 5(2),
1957). Among units of one size it is the order of their sums, the group importance of LLM-Pruner
(arXiv 2305.11627, summation). The units of a mask are the first in that order as long as all of
them fit into the ratio: whole, never more than the ratio, and a smaller mask lies in a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelrepair.engine.units import Family, Part, Units
from modelrepair.search.selection import Spilled, sizes
from modelrepair.settings.presets import count

Protected = Callable[[str], np.ndarray | None]
"""The entries of a site that are never masked, ``[out, in]`` bool; None where there are none."""


@dataclass(frozen=True)
class FamilyScores:
    """The units of one family as they compete.

    Args:
        means: ``[units]`` float64, the mean score of each one's entries; one that may not be
            chosen adds 0.
        entries: ``[units]`` int, how many entries each has.
        eligible: ``[units]`` bool, which may be chosen: some entry may, and none is protected.
        scope: the entries of all sites that the family has a part in.
    """

    means: np.ndarray
    entries: np.ndarray
    eligible: np.ndarray
    scope: int


def sums_of(part: Part, units: int, values: np.ndarray) -> np.ndarray:
    """What the entries of a site add to each unit.

    >>> rows = Part("w", 0, np.array([0, 1, -1]))
    >>> sums_of(rows, 2, np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).tolist()
    [3.0, 7.0]

    Args:
        part: what of the site belongs to which unit.
        units: how many units there are.
        values: ``[out, in]``, of the site's entries.

    Returns:
        ``[units]`` float64.
    """
    lines = values.sum(axis=1 - part.axis, dtype=np.float64)
    inside = part.units >= 0
    return np.bincount(part.units[inside], lines[inside], minlength=units)


def mask_of(part: Part, chosen: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The entries of a site that belong to chosen units, in its shape.

    >>> mask_of(Part("w", 1, np.array([0, 1])), np.array([False, True]), (2, 2)).astype(int)
    array([[0, 1],
           [0, 1]])

    Args:
        part: what of the site belongs to which unit.
        chosen: ``[units]`` bool.
        shape: ``(out, in)``.
    """
    lines = np.zeros(len(part.units), bool)
    inside = part.units >= 0
    lines[inside] = chosen[part.units[inside]]
    return np.array(np.broadcast_to(lines[:, None] if part.axis == 0 else lines, shape))


def least_share(
    units: Units, shapes: Mapping[str, tuple[int, ...]], scope: Literal["tensor", "global"]
) -> float:
    """The smallest ratio at which a mask holds a unit.

    Args:
        units: the units.
        shapes: site → ``(out, in)``.
        scope: what the ratio is a share of.
    """
    found = [_blank(family, shapes) for family in units.families]
    whole = sum(each.scope for each in found)
    shares: list[float] = [
        entries / (whole if scope == "global" else each.scope)
        for each in found
        for entries in each.entries[each.entries > 0].tolist()
    ]
    return min(shares)


def top_units(
    scores: Sequence[FamilyScores], k: int, *, signed: bool = False, refill: bool = True
) -> list[np.ndarray]:
    """The chosen units of each family: the best of all together that fit into k entries.

    Equal ones go in the order of families and units.

    >>> two = FamilyScores(np.array([1.0, 3.0]), np.array([4, 4]), np.array([True, True]), 8)
    >>> [each.tolist() for each in top_units([two], 7)]
    [[False, True]]

    Args:
        scores: of each family.
        k: how many entries.
        signed: only units whose mean is above 0 may be chosen.
        refill: as for `modelrepair.search.selection.select`.
    """
    means = np.concatenate([each.means for each in scores])
    entries = np.concatenate([each.entries for each in scores])
    places = np.where(np.concatenate([each.eligible for each in scores]), means, -np.inf)
    if not refill:
        places = sizes(places)
    elif signed:
        places = np.where(places > 0, places, -np.inf)
    order = np.argsort(-places, kind="stable")
    order = order[places[order] > -np.inf]
    order = order[np.cumsum(entries[order]) <= k]
    chosen = np.zeros(len(means), bool)
    chosen[order] = True
    if not refill:
        chosen &= means > 0
    ends = np.cumsum([len(each.means) for each in scores])[:-1]
    return np.split(chosen, ends)


def select_units(
    sites: Mapping[str, Spilled],
    units: Units,
    scope: Literal["tensor", "global"],
    ratio: float,
    *,
    signed: bool = False,
    refill: bool = True,
    protected: Protected = lambda site: None,
) -> Iterator[np.ndarray]:
    """Yield each site's mask at one ratio, from spilled files, one site in memory at a time.

    Args:
        sites: where the scores of each site lie, by its name, in the model's order.
        units: the units; every site has a part in one family.
        scope: what the ratio is a share of: all sites together, or those of each family.
        ratio: the share, of all entries.
        signed: only units whose mean is above 0 may be chosen.
        refill: as for `modelrepair.search.selection.select`.
        protected: the entries of a site that are never masked.
    """
    shapes = {name: site.shape for name, site in sites.items()}
    scores = [_scored(family, sites, shapes, protected) for family in units.families]
    if scope == "global":
        k = count(ratio, sum(each.scope for each in scores))
        chosen = top_units(scores, k, signed=signed, refill=refill)
    else:
        chosen = [
            top_units([each], count(ratio, each.scope), signed=signed, refill=refill)[0]
            for each in scores
        ]
    parts = {
        part.site: (part, some)
        for family, some in zip(units.families, chosen, strict=True)
        for part in family.parts
    }
    for name, shape in shapes.items():
        part, some = parts[name]
        yield mask_of(part, some, shape)


def protected_units(
    families: Sequence[Family],
    sums: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    share: float,
) -> dict[str, np.ndarray]:
    """The entries of the units that utility needs most, by site: a share of each family's units.

    Args:
        families: of one block.
        sums: site → what its entries' scores add to each unit, `sums_of`.
        shapes: site → ``(out, in)``.
        share: of the units.
    """
    found = {}
    for family in families:
        blank = _blank(family, shapes)
        known = [sums[part.site] for part in family.parts if part.site in sums]
        if not known:
            continue  # of an expert that no token was routed to nothing is chosen anyway
        total = np.sum(known, axis=0)
        order = np.argsort(-total / np.maximum(1, blank.entries), kind="stable")
        chosen = np.zeros(family.count, bool)
        chosen[order[: count(share, family.count)]] = True
        for part in family.parts:
            found[part.site] = mask_of(part, chosen, shapes[part.site])
    return found


def _blank(family: Family, shapes: Mapping[str, tuple[int, ...]]) -> FamilyScores:
    """A family's units by their sizes alone."""
    entries = np.zeros(family.count, np.int64)
    for part in family.parts:
        lines = np.bincount(part.units[part.units >= 0], minlength=family.count)
        entries += lines * shapes[part.site][1 - part.axis]
    scope = sum(int(np.prod(shapes[part.site])) for part in family.parts)
    return FamilyScores(np.zeros(family.count), entries, np.zeros(family.count, bool), scope)


def _scored(
    family: Family,
    sites: Mapping[str, Spilled],
    shapes: Mapping[str, tuple[int, ...]],
    protected: Protected,
) -> FamilyScores:
    """A family's units with their scores, one site after the other."""
    blank = _blank(family, shapes)
    total = np.zeros(family.count)
    open_entries, closed = np.zeros(family.count), np.zeros(family.count)
    for part in family.parts:
        scores = sites[part.site].read()
        candidates = ~np.isneginf(scores)
        total += sums_of(part, family.count, np.where(candidates, scores, 0))
        open_entries += sums_of(part, family.count, candidates)
        kept = protected(part.site)
        if kept is not None:
            closed += sums_of(part, family.count, kept.reshape(scores.shape))
    means = total / np.maximum(1, blank.entries)
    return FamilyScores(means, blank.entries, (open_entries > 0) & (closed == 0), blank.scope)
