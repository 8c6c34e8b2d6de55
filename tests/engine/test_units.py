"""Units of a model's sites: which entries stand and fall together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelrepair.engine.sites import find_sites, narrow
from modelrepair.engine.units import find_units
from modelrepair.engine.weights import Masks
from modelrepair.errors import UnsupportedModelError
from modelrepair.search.unit_selection import mask_of
from tests.support.opened_models import open_tiny

QUICK = ("llama", "gpt2", "mixtral")
MORE = (
    "phi3",
    "gpt_oss",
    "falcon",
    "gpt_neox",
    "deepseek_v3",
    "qwen3_next",
    "granitemoehybrid",
    "opt",
    "gemma3",
)
KINDS = [*QUICK, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)]


def units_of(one, unit, targets=()):
    sites = narrow(find_sites(one.skeleton, list(one.checkpoint.entries)), targets, ())
    return find_units(one.skeleton, sites, unit)


def logits(one, sites, masks, folder):
    """What the model answers once these entries of its sites are zero."""
    laid = {}
    for site in sites.chosen:
        if site.name in masks:
            flat = laid.setdefault(site.place.tensor, np.zeros(site.place.tensor_entries, bool))
            view = site.place.of(flat, writeable=True)
            view |= masks[site.name]
    change = Masks(folder)
    change.put(laid.items())
    ids = torch.arange(3, 15)[None]
    with one.skeleton.filled_model(one.weights.with_change(change).read) as model, torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits


@pytest.mark.parametrize("unit", ["head", "neuron"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_leaves_a_unit_leaves_by_its_columns_alone(tmp_path, kind, unit):
    """Zero its columns, and its rows no longer matter: nothing else of the model reads them."""
    one = open_tiny(kind, tmp_path / "m")
    units, sites = units_of(one, unit)
    shapes = {site.name: site.info.shape for site in sites.chosen}
    source = logits(one, sites, {}, tmp_path / "none")
    for number, family in enumerate(units.families[:: max(1, len(units.families) // 3)]):
        chosen = np.arange(family.count) == family.count // 2
        masks = {part.site: mask_of(part, chosen, shapes[part.site]) for part in family.parts}
        columns = {p.site: masks[p.site] for p in family.parts if p.axis == 1}
        rows = {p.site: masks[p.site] for p in family.parts if p.axis == 0}
        whole, part, half = (
            logits(one, sites, each, tmp_path / f"{number}-{name}")
            for name, each in (("whole", masks), ("columns", columns), ("rows", rows))
        )
        torch.testing.assert_close(whole, part, rtol=1e-5, atol=1e-6)
        if part.ne(source).any():  # an expert that no token was routed to shows nothing
            assert half.ne(source).any(), "its rows count as long as its columns stand"


@pytest.mark.parametrize("kind", KINDS)
def test_no_entry_is_in_two_units(tmp_path, kind):
    one = open_tiny(kind, tmp_path / "m")
    for unit in ("row", "head", "neuron"):
        units, sites = units_of(one, unit)
        named = [part.site for family in units.families for part in family.parts]
        assert len(named) == len(set(named))
        assert set(named) == {site.name for site in sites.chosen}
        blocks = [family.block for family in units.families]
        assert blocks == sorted(blocks)


def test_the_neurons_of_each_expert_are_a_family(tmp_path):
    units, sites = units_of(open_tiny("mixtral", tmp_path / "m"), "neuron")
    assert [family.count for family in units.families] == [48] * 4 * 3
    assert all(
        sorted(part.site.rpartition(".")[2] for part in family.parts)
        == sorted(part.site.rpartition(".")[2] for part in units.families[0].parts)
        for family in units.families
    )
    assert not any("self_attn" in site.name for site in sites.chosen)
    assert any("self_attn" in name for name in sites.skipped)


def test_a_matrix_in_no_unit_is_named_and_targets_cut_units_down(tmp_path):
    one = open_tiny("llama", tmp_path / "m")
    units, sites = units_of(one, "head")
    reasons = {name: why for name, why in sites.skipped.items() if "mlp" in name}
    assert len(reasons) == 9
    whole = find_sites(one.skeleton, list(one.checkpoint.entries))
    assert sites.coverage == pytest.approx(sites.entries / whole.entries)
    assert set(reasons.values()) == {"in no attention head that can be told apart"}
    units, sites = units_of(one, "neuron", ["*down_proj*"])
    assert [family.count for family in units.families] == [48] * 3
    assert {part.axis for family in units.families for part in family.parts} == {1}


def test_rows_are_the_sites_own(tmp_path):
    units, sites = units_of(open_tiny("gpt2", tmp_path / "m"), "row")
    assert [family.count for family in units.families] == [
        site.info.shape[0] for site in sites.chosen
    ]


@pytest.mark.parametrize(("kind", "unit"), [("mamba", "head"), ("olmo2", "head")])
def test_a_model_that_shows_none_is_refused_by_name(tmp_path, kind, unit):
    with pytest.raises(UnsupportedModelError, match=r"no head .* in (Mamba|Olmo2)\w+") as error:
        units_of(open_tiny(kind, tmp_path / "m"), unit)
    assert "--unit entry or row" in error.value.hint
