"""Which matrices are sites, and that every other one is named with its reason."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelrepair.engine.sites import Sites, find_sites, require_coverage
from modelrepair.errors import UnsupportedModelError
from tests.support.opened_models import open_tiny


def test_sites_stand_in_the_model_s_order_and_their_tensors_in_the_file_s(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    order = list(one.checkpoint.entries)
    sites = find_sites(one.skeleton, order)
    names = [site.name for site in sites.chosen]
    assert names == [name for name, _ in one.plain.named_parameters() if name in names]
    assert [each.name for each in sites.tensors] == [name for name in order if name in names]
    turned = find_sites(one.skeleton, order[::-1])
    assert turned.chosen == sites.chosen
    assert [each.name for each in turned.tensors] == [each.name for each in sites.tensors][::-1]


class Gate(nn.Module):
    """A matrix in a module that is no nn.Linear."""

    def __init__(self, rows: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, 32, device="meta"))


def extended(one, rows: int):
    """The model's second block with one more matrix of so many rows."""
    block = one.skeleton.blocks[1]
    block.gate = Gate(rows)
    name = f"{one.skeleton.prefix}.1.gate.weight"
    one.skeleton.files[name] = name
    return find_sites(one.skeleton, list(one.checkpoint.entries))


def test_what_is_no_linear_is_named_and_counts_against_the_coverage(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    whole = find_sites(one.skeleton, list(one.checkpoint.entries)).entries
    sites = extended(one, 10)
    assert sites.skipped == {"model.layers.1.gate.weight": "Gate is no nn.Linear"}
    assert sites.coverage == whole / (whole + 320)
    require_coverage(sites, allow_partial=False)


def test_a_matrix_of_the_block_itself_is_named(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    one.skeleton.blocks[0].scale = nn.Parameter(torch.empty(4, 4, device="meta"))
    one.skeleton.files["model.layers.0.scale"] = "model.layers.0.scale"
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    assert sites.skipped == {"model.layers.0.scale": "LlamaDecoderLayer is no nn.Linear"}


def test_a_router_is_no_site_whatever_module_holds_it(tmp_path):
    """transformers had Jamba's as an nn.Linear until it got a module of its own."""
    one = open_tiny("jamba", tmp_path / "model")
    order = list(one.checkpoint.entries)
    as_it_is = find_sites(one.skeleton, order)
    one.skeleton.blocks[1].feed_forward.router = nn.Linear(32, 4, bias=False, device="meta")
    linear = find_sites(one.skeleton, order)
    assert linear.skipped["model.layers.1.feed_forward.router.weight"] == (
        "a router: it chooses experts"
    )
    assert (linear.chosen, linear.coverage) == (as_it_is.chosen, as_it_is.coverage)


def test_under_95_percent_is_refused_unless_allowed(tmp_path):
    sites = extended(open_tiny("llama", tmp_path / "model"), 200)
    assert sites.coverage < 0.95
    with pytest.raises(UnsupportedModelError, match=r"such as .*gate\.weight") as caught:
        require_coverage(sites, allow_partial=False)
    assert caught.value.exit_code == 6
    assert "--allow-partial" in caught.value.hint
    require_coverage(sites, allow_partial=True)
    boundary = Sites((), {"x": "y"}, 0.95)
    require_coverage(boundary, allow_partial=False)


def test_a_tensor_that_stands_in_two_places_is_skipped(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    files = dict(one.skeleton.files)
    shared = "model.layers.0.mlp.up_proj.weight"
    one.skeleton.files["model.layers.2.mlp.up_proj.weight"] = shared
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    assert set(sites.skipped) == {shared}
    assert "tied" in sites.skipped[shared]
    assert len(sites.chosen) == len([n for n in files if "_proj" in n]) - 2


def test_a_model_without_a_linear_layer_is_refused(tmp_path):
    one = open_tiny("llama", tmp_path / "model")
    for block in one.skeleton.blocks:
        del block.self_attn, block.mlp
    with pytest.raises(UnsupportedModelError, match="no prunable matrix"):
        find_sites(one.skeleton, list(one.checkpoint.entries))
