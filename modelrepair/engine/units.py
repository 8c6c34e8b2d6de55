"""Which entries of a model stand and fall together: rows, attention heads, neurons of an MLP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from modelrepair.engine.sites import Site, Sites
from modelrepair.engine.skeleton import Skeleton
from modelrepair.engine.unit_probe import Group, probe
from modelrepair.errors import UnsupportedModelError
from modelrepair.plugin.names import Unit

NOT_IN_ONE = {
    "head": "in no attention head that can be told apart",
    "neuron": "in no neuron of an MLP that can be told apart",
}
"""Why a matrix is left alone where heads or neurons are removed."""


@dataclass(frozen=True)
class Part:
    """What of one site belongs to the units of a family: some of its rows, or of its columns.

    Args:
        site: the site's name.
        axis: 0 for rows, 1 for columns.
        units: ``[rows or columns]`` int, the unit that each belongs to; -1 for none.
    """

    site: str
    axis: int
    units: np.ndarray


@dataclass(frozen=True)
class Family:
    """Units of one block: rows of a matrix, heads of an attention, neurons of an MLP or expert.

    Args:
        block: the block's number.
        count: how many units there are.
        parts: what of each site belongs to them.
    """

    block: int
    count: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Units:
    """All units of a model's sites, family by family in the model's order.

    Args:
        unit: what they are.
        families: the families; no site has a part in two of them.
    """

    unit: Unit
    families: tuple[Family, ...]

    @cached_property
    def sites(self) -> Mapping[str, tuple[Part, int]]:
        """Of each site that has a part in units: the part, and how many units its family has."""
        return {part.site: (part, each.count) for each in self.families for part in each.parts}


def find_units(skeleton: Skeleton, sites: Sites, unit: Unit) -> tuple[Units, Sites]:
    """The units of the chosen sites, and these sites without those that have no part in one.

    What is left out is named among what was skipped, and no longer counted as covered.

    A head or neuron is found by what depends on what in a block, whatever its layers are called
    (`modelrepair.engine.unit_probe`); of fused experts transformers says it.

    Args:
        skeleton: the model on the meta device.
        sites: what a repair works on, before any statistic is taken.
        unit: what is to be removed as one, other than entries.

    Raises:
        UnsupportedModelError: no head, or no neuron, can be told apart.
    """
    families = tuple(_rows(sites) if unit == "row" else _found(skeleton, sites, unit))
    units = Units(unit, families)
    left = [site for site in sites.chosen if site.name not in units.sites]
    if not families:
        kinds = sorted({site.projection for site in left})
        raise UnsupportedModelError(
            f"no {unit} can be told apart in {type(skeleton.model).__name__} "
            f"(looked at {', '.join(kinds[:6])})",
            hint="take --unit entry or row, or other --targets",
            id="no-units",
        )
    skipped = {**sites.skipped, **{site.name: NOT_IN_ONE[unit] for site in left}}
    kept = tuple(site for site in sites.chosen if site.name in units.sites)
    share = sum(site.entries for site in kept) / sites.entries
    narrowed = replace(sites, chosen=kept, skipped=skipped, coverage=sites.coverage * share)
    return units, narrowed


def _rows(sites: Sites) -> Iterator[Family]:
    for site in sites.chosen:
        rows = site.info.shape[0]
        yield Family(site.info.block, rows, (Part(site.name, 0, np.arange(rows)),))


def _found(skeleton: Skeleton, sites: Sites, unit: Unit) -> Iterator[Family]:
    found = probe(skeleton)
    for block, some in sites.by_block.items():
        families = []
        if unit == "neuron":
            families += list(_experts(block, some))
        named = {site.module: site for site in some if site.part is None}
        for group in found[block]:
            if group.unit == unit and (family := _family(block, group, named)) is not None:
                families.append(family)
        order = {site.name: number for number, site in enumerate(some)}
        yield from sorted(families, key=lambda each: min(order[part.site] for part in each.parts))


def _family(block: int, group: Group, named: Mapping[str, Site]) -> Family | None:
    parts = [
        Part(named[path].name, axis, units)
        for path, axis, units in group.parts
        if path in named and named[path].info.shape[axis] == len(units)
    ]
    return Family(block, group.count, tuple(parts)) if parts else None


def _experts(block: int, some: Iterable[Site]) -> Iterator[Family]:
    """The neurons of each fused expert: rows of gate and up, columns of down."""
    experts: dict[tuple[str, int], list[Site]] = {}
    for site in some:
        if site.part is not None:
            experts.setdefault((site.module, site.part.expert), []).append(site)
    for members in experts.values():
        parts = []
        for site in members:
            assert site.part is not None
            axis = 1 if site.part.projection == "down" else 0
            parts.append(Part(site.name, axis, np.arange(site.info.shape[axis])))
        yield Family(block, len(parts[0].units), tuple(parts))
