"""Heads and neurons are found by what depends on what, whatever layers are called."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelrepair.engine.unit_probe import probe
from tests.support.opened_models import open_tiny

HEADS = {
    "llama": 2,  # two queries each
    "gpt2": 4,  # one fused, transposed projection
    "gpt_neox": 4,  # fused, head by head
    "falcon": 2,  # fused, group by group; its layers are of a class of its own
    "phi3": 2,
    "deepseek_v3": 4,  # multi-head latent attention: the rotary key is shared by all
    "qwen3": 2,  # a norm inside of each head
}


QUICK = ("llama", "falcon", "deepseek_v3")
KINDS = [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in HEADS]


@pytest.mark.parametrize("kind", KINDS)
def test_the_heads_of_each_attention(tmp_path, kind):
    for groups in probe(open_tiny(kind, tmp_path / "m").skeleton):
        (heads,) = [each for each in groups if each.unit == "head"]
        assert heads.count == HEADS[kind]
        axes = [axis for _, axis, _ in heads.parts]
        assert axes == [0] * (len(axes) - 1) + [1]
        for _, axis, units in heads.parts:
            sizes = np.bincount(units[units >= 0], minlength=heads.count)
            assert len(set(sizes.tolist())) == 1, "all heads of a model have one size"
            assert axis == 0 or (units >= 0).all()


def test_query_heads_of_a_group_go_with_their_key_and_value(tmp_path):
    groups = probe(open_tiny("llama", tmp_path / "m").skeleton)[0]
    (heads,) = [each for each in groups if each.unit == "head"]
    found = {path.rpartition(".")[2]: units.tolist() for path, _, units in heads.parts}
    assert found == {
        "q_proj": [0] * 16 + [1] * 16,
        "k_proj": [0] * 8 + [1] * 8,
        "v_proj": [0] * 8 + [1] * 8,
        "o_proj": [0] * 16 + [1] * 16,
    }


def test_a_fused_projection_is_split_by_heads_not_in_three(tmp_path):
    def rows(kind):
        groups = probe(open_tiny(kind, tmp_path / kind).skeleton)[0]
        (heads,) = [each for each in groups if each.unit == "head"]
        return heads.parts[0][2].tolist()

    assert rows("gpt2") == [n for _ in "qkv" for n in range(4) for _ in range(8)]
    assert rows("gpt_neox") == [n for n in range(4) for _ in range(24)]
    # Two queries, a key and a value a group.
    assert rows("falcon") == [n for n in range(2) for _ in range(32)]


def test_neurons_are_one_row_each_of_gate_and_up_and_one_column_of_down(tmp_path):
    groups = probe(open_tiny("phi3", tmp_path / "m").skeleton)[0]
    (neurons,) = [each for each in groups if each.unit == "neuron"]
    (_, _, fused), (_, axis, down) = neurons.parts
    assert (neurons.count, axis) == (48, 1)
    assert fused.tolist() == [*range(48), *range(48)] and down.tolist() == [*range(48)]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("olmo2", {"neuron"}),  # its norm of all queries ties its heads together
        ("gpt_bigcode", {"neuron"}),  # all queries share one key and value
        ("mamba", set()),
        ("lfm2", {"neuron"}),  # block 0: a convolution's channel is no neuron
    ],
)
def test_what_hangs_together_is_not_taken_apart(tmp_path, kind, found):
    groups = probe(open_tiny(kind, tmp_path / "m").skeleton)[0]
    assert {each.unit for each in groups} == found
    if kind == "lfm2":
        assert [len(each.parts) for each in groups] == [3]


def test_it_leaves_the_random_state_and_the_model_as_they_are(tmp_path):
    skeleton = open_tiny("llama", tmp_path / "m").skeleton
    before = torch.get_rng_state()
    probe(skeleton)
    assert torch.equal(before, torch.get_rng_state())
    assert all(parameter.is_meta for parameter in skeleton.model.parameters())
    assert not any("forward" in vars(module) for module in skeleton.model.modules())
