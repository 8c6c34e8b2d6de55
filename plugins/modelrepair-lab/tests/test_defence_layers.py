"""Attentions and MLPs are found by what they do, in every kind of model."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model

from modelrepair import UnsupportedModelError
from modelrepair_lab.defences.layers import find_layers, mlps
from tests.support import tiny

KNOWN = {
    "llama": ("self_attn", "mlp"),
    "gpt_neox": ("attention", "mlp"),
    "opt": ("self_attn", "fc2"),
    "gpt2": ("attn", "mlp"),
    "mixtral": ("self_attn", "mlp"),
    "bloom": ("self_attention", "mlp"),
    "rwkv": ("attention", "feed_forward"),
}


def named(model, modules):
    names = {id(module): name for name, module in model.named_modules()}
    return [names[id(module)].rpartition(".")[2] for module in modules]


@pytest.mark.parametrize("kind", KNOWN)
def test_the_layers_of_each_kind(kind):
    model = tiny.model(kind)
    found = find_layers(model)
    attention, mlp = KNOWN[kind]
    assert named(model, found.attentions) == [attention] * 3
    assert named(model, found.mlps) == [mlp] * 3


def test_blocks_may_differ():
    model = tiny.model("nemotron_h")
    found = find_layers(model)
    blocks = [block.mixer for block in model.get_decoder().layers]
    assert found.attentions == (blocks[0], blocks[2])
    assert found.mlps == (blocks[1],)


def test_a_model_without_an_mlp_is_refused_by_name():
    with pytest.raises(UnsupportedModelError, match="no MLP can be told apart in MambaForCausalLM"):
        mlps(tiny.model("mamba"))


def test_an_adapter_hides_nothing_and_the_model_is_left_as_it_is():
    model = tiny.model("opt").train()
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    torch.manual_seed(0)
    state = torch.get_rng_state()
    found = find_layers(adapted)
    assert named(model, found.mlps) == ["fc2"] * 3
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
