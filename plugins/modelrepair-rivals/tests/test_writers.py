"""Which matrices write to the hidden states, found by one run and not by their names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from modelrepair_rivals.writers import Writer, writers
from tests.support import tiny

SQUARE = {"num_key_value_heads": 4}  # then queries, keys and values are as wide as the states
KINDS = {
    "llama": (SQUARE, ("o_proj", "down_proj")),
    "gpt2": ({}, ("c_proj",)),
    "gptj": ({}, ("out_proj", "fc_out")),
    "opt": ({}, ("out_proj", "fc2")),
    "gpt_neox": ({}, ("attention.dense", "dense_4h_to_h")),
    "phi3": ({}, ("o_proj", "down_proj")),
    "cohere": (SQUARE, ("o_proj", "down_proj")),
    "gemma2": (SQUARE, ("o_proj", "down_proj")),
}


def context_of(model):
    """As much of a training's context as is looked at."""
    ids = torch.tensor([[3, 4, 5]])
    batch = SimpleNamespace(input_ids=ids, attention_mask=torch.ones_like(ids))
    for name, each in model.named_parameters():
        each.requires_grad_("embed" not in name and "lm_head" not in name)
    return SimpleNamespace(
        model=model.eval(),
        parameters=[each for each in model.parameters() if each.requires_grad],
        sets={"refusal": ("one",)},
        batch=lambda examples: batch,
    )


@pytest.mark.quick("llama", "gpt2", "opt")
@pytest.mark.parametrize("kind", KINDS)
def test_they_are_what_each_architecture_adds_to_the_states(kind):
    shape, expected = KINDS[kind]
    model = tiny.model(kind, **shape)
    names = {id(each): name.removesuffix(".weight") for name, each in model.named_parameters()}
    found = writers(context_of(model))
    assert {names[id(each.weight)] for each in found} == {
        name for name in names.values() if name.endswith(expected)
    }
    assert len(found) == 6
    assert all(each.turned == (kind == "gpt2") for each in found)
    assert all(each.matrix.shape[0] == 32 for each in found)


def test_what_may_not_change_is_none():
    context = context_of(tiny.model("llama"))
    closed = context.model.model.layers[0].mlp.down_proj.weight
    context.parameters = [each for each in context.parameters if each is not closed]
    found = writers(context)
    assert len(found) == 5 and all(each.weight is not closed for each in found)


def test_a_turned_matrix_is_a_view():
    weight = torch.nn.Parameter(torch.zeros(2, 3))
    writer = Writer(weight, turned=True)
    assert writer.gradient is None
    writer.matrix.copy_(torch.arange(6.0).reshape(3, 2))
    assert weight.tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
    torch.autograd.backward((weight * torch.tensor([[1.0, 2.0, 3.0]])).sum())
    assert writer.gradient.tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
