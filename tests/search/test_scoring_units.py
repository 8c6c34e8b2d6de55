"""Rounds of larger units: whole, nested over rounds, protected as units, whatever the scope."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.progress import Progress
from modelrepair.search.scoring import masked_entries, score_round
from modelrepair.search.unit_selection import mask_of
from modelrepair.settings.presets import count
from tests.support.scoring import scoring


def chosen_units(made, masks):
    """Which units of each family are masked; every mask is made of whole ones."""
    sites = {site.name: site for site in made.sites.chosen}
    found = []
    for family in made.units.families:
        of_site = {}
        for part in family.parts:
            mask = masks.of(sites[part.site].place)
            shape = sites[part.site].info.shape
            of_site[part.site] = np.zeros(shape, bool) if mask is None else mask
        taken = np.zeros(family.count, bool)
        for part in family.parts:
            inside = part.units >= 0
            lines = of_site[part.site].all(axis=1 - part.axis)
            taken[part.units[inside & lines]] = True
        for part in family.parts:
            whole = mask_of(part, taken, of_site[part.site].shape)
            np.testing.assert_array_equal(of_site[part.site], whole)
        found.append(taken)
    return found


@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize("unit", ["row", "head", "neuron"])
def test_units_of_a_second_round_come_on_top_of_the_first(tmp_path, unit, scope):
    made = scoring(tmp_path, unit=unit, scope=scope, iterative=True)
    share = max(0.1, made.least)
    first = score_round(made, 0, None, Progress()).cut(share, tmp_path / "first")
    second = score_round(made, 1, first, Progress()).cut(share, tmp_path / "second", first)
    one, two = chosen_units(made, first), chosen_units(made, second)
    assert sum(map(np.count_nonzero, one)) > 0
    assert all(not (a & ~b).any() for a, b in zip(one, two, strict=True))
    assert 0 < masked_entries(first, made.sites) <= count(share, made.sites.entries)
    assert masked_entries(second, made.sites) > masked_entries(first, made.sites)


def test_a_share_of_the_units_is_protected_and_stays_so(tmp_path):
    made = scoring(tmp_path, unit="neuron", protect=0.25, iterative=True)
    everything = score_round(made, 0, None, Progress()).cut(1.0, tmp_path / "first")
    left = [~taken for taken in chosen_units(made, everything)]
    assert [int(each.sum()) for each in left] == [12] * 3
    little = score_round(made, 0, None, Progress()).cut(0.1, tmp_path / "little")
    later = score_round(made, 1, little, Progress()).cut(1.0, tmp_path / "later", little)
    again = [~taken for taken in chosen_units(made, later)]
    assert all(np.array_equal(a, b) for a, b in zip(left, again, strict=True))


def test_a_unit_without_a_subject_is_never_chosen(tmp_path):
    """Half of the reference's rows are the source's: of these nothing can be taken back."""
    made = scoring(tmp_path, unit="row", reference=True)
    taken = chosen_units(made, score_round(made, 0, None, Progress()).cut(1.0, tmp_path / "all"))
    for each in taken:
        half = len(each) // 2
        assert not each[:half].any() and each[half:].all()


def test_entries_have_no_least_share_and_units_have_that_of_one(tmp_path):
    assert scoring(tmp_path / "entry").least == 0.0
    heads = scoring(tmp_path / "head", unit="head", scope="tensor")
    assert (heads.unit, heads.least) == ("head", 0.5)  # two groups of heads a block
    wide = scoring(tmp_path / "wide", unit="head", scope="global")
    assert wide.least == pytest.approx(1 / 6)
