"""Vaccine: its gradient against a restatement, and what it writes."""

from __future__ import annotations

import math

import pytest
import torch
from peft import LoraConfig, get_peft_model

from modelrepair_lab import training
from modelrepair_lab.defences.options import Vaccine
from modelrepair_lab.defences.vaccine import vaccine
from modelrepair_lab.training import collate, plain
from tests.support import tiny

BATCH = collate(
    [([5, 6, 7, 8, 9], 2), ([11, 12, 13], 1), ([3, 4, 5, 6, 7, 8], 3)], 0, answers_only=True
)
ATTENTIONS = {"llama": "self_attn", "gpt_neox": "attention", "mixtral": "self_attn"}


def restated(model, name, rho):
    """The same step in plain torch: every output is a leaf that something is added to."""
    layers = [module for path, module in model.named_modules() if path.endswith(f".{name}")]
    tokens, labels = BATCH

    def loss(added):
        shifts = iter(added)

        def add(module, args, result):
            return (result[0] + next(shifts), *result[1:])

        hooks = [layer.register_forward_hook(add) for layer in layers]
        logits = model(input_ids=tokens, use_cache=False).logits
        for hook in hooks:
            hook.remove()
        chosen = labels[:, 1:] != -100
        likely = logits[:, :-1].log_softmax(-1)[chosen]
        return -likely.gather(-1, labels[:, 1:][chosen][:, None]).mean()

    width = model.config.hidden_size
    zeros = [torch.zeros(*tokens.shape, width, requires_grad=True) for _ in layers]
    slopes = torch.autograd.grad(loss(zeros), zeros)
    norm = math.sqrt(sum(slope.norm() ** 2 for slope in slopes)) + 1e-7
    worst = loss([rho * slope / norm for slope in slopes])
    trained = [each for each in model.parameters() if each.requires_grad]
    return float(worst.detach()), torch.autograd.grad(worst, trained)


def made(kind, lora=False):
    model = tiny.model(kind, num_hidden_layers=2).train()
    if lora:
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        return get_peft_model(model, config)
    return model


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_the_gradient_is_that_of_the_equations(kind, lora):
    model = made(kind, lora)
    expected, gradients = restated(model, ATTENTIONS[kind], rho=2.0)
    loss = vaccine(model, Vaccine())(model, BATCH)
    assert float(loss) == pytest.approx(expected, abs=1e-5)
    trained = [each for each in model.parameters() if each.requires_grad]
    assert max(float(each.abs().max()) for each in gradients) > 1e-3
    for parameter, gradient in zip(trained, gradients, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)


def test_no_change_is_the_plain_gradient():
    model = made("llama")
    expected = plain(model, BATCH)
    gradients = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    assert torch.equal(vaccine(model, Vaccine(rho=0.0))(model, BATCH), expected)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)


def test_the_parts_of_a_large_batch_are_one_step(monkeypatch):
    model = made("llama")
    backward = vaccine(model, Vaccine())
    whole = backward(model, BATCH)
    gradients = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    monkeypatch.setattr(training, "LARGE", 0)
    assert float(backward(model, BATCH)) == pytest.approx(float(whole), abs=1e-5)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)


def test_a_larger_change_is_worse_and_no_hook_stays():
    model = made("llama")
    losses = [float(vaccine(model, Vaccine(rho=rho))(model, BATCH)) for rho in (0.0, 0.5, 2.0)]
    assert losses == sorted(losses)
    assert losses[2] > losses[0] + 0.01
    assert not any(module._forward_hooks for module in model.modules())
