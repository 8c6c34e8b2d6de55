"""TAR: its gradient against a restatement, and weights that are put back."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from peft import LoraConfig, get_peft_model

from modelrepair import UsageError
from modelrepair_lab.defences.options import Tar
from modelrepair_lab.defences.tar import Trial, tar
from modelrepair_lab.training import collate
from tests.support import tiny


def batch(*examples):
    return collate([(list(ids), start) for ids, start in examples], 0, answers_only=True)


TRIAL = Trial(
    batch=batch(([5, 6, 7, 8, 9], 2), ([11, 12, 13], 1)),
    kept=batch(([21, 22, 23, 24], 2), ([25, 26], 1)),
    attacks=[
        batch(([30 + step, 31, 32, 33], 2), ([40, 41 + step, 42, 43, 44], 3)) for step in range(4)
    ],
    held_out=batch(([50, 51, 52, 53], 2), ([54, 55, 56], 1)),
)
OPTIONS = Tar(inner_steps=4, every=2, inner_rate=1e-2, slope=0.5, retain=0.7)
REAL = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()


def likely(model, tokens):
    return model(input_ids=tokens, use_cache=False).logits[:, :-1].log_softmax(-1)


def cost(model, examples):
    tokens, labels = examples
    chosen = labels[:, 1:] != -100
    return -likely(model, tokens)[chosen].gather(-1, labels[:, 1:][chosen][:, None]).mean()


def depths(model, examples):
    return model(input_ids=examples[0], use_cache=False, output_hidden_states=True).hidden_states


def restated(model, before, squared):
    """One step in plain torch: an attack on a copy, and the losses at the model itself."""
    names = [name for name, each in model.named_parameters() if each.requires_grad]
    victim = copy.deepcopy(model)
    weights = dict(victim.named_parameters())
    moving = torch.optim.AdamW([weights[name] for name in names], lr=1e-2)
    found = {name: torch.zeros_like(weights[name]) for name in names}
    for step, attack in enumerate(TRIAL.attacks):
        moving.zero_grad()
        torch.autograd.backward(cost(victim, attack))
        moving.step()
        if step in (1, 3):
            tokens, labels = TRIAL.held_out
            spread = likely(victim, tokens)[labels[:, 1:] != -100]
            loss = (spread.exp() * spread).sum(-1).mean()
            share = math.exp(0.5 * (step - 3))
            for name, slope in zip(
                names,
                torch.autograd.grad(loss, [weights[n] for n in names], allow_unused=True),
                strict=True,
            ):
                found[name] += 0 if slope is None else share * slope
    apart = [
        (now - then.detach())[REAL]
        for now, then in zip(depths(model, TRIAL.kept), before, strict=True)
    ]
    lengths = torch.stack([(each**2).sum(-1) if squared else each.norm(dim=-1) for each in apart])
    kept = cost(model, TRIAL.batch) + lengths.mean()
    slopes = torch.autograd.grad(
        kept, [dict(model.named_parameters())[n] for n in names], allow_unused=True
    )
    return [
        4.0 * found[name] + (0 if slope is None else 0.7 * slope)
        for name, slope in zip(names, slopes, strict=True)
    ]


def made(kind, lora=False):
    model = tiny.model(kind, num_hidden_layers=2)
    if lora:
        torch.manual_seed(0)
        return get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    return model


@pytest.mark.parametrize(
    ("kind", "lora", "variant"),
    [
        ("llama", False, "paper"),
        ("llama", False, "code"),
        ("llama", True, "paper"),
        ("gpt_neox", False, "paper"),
        ("mixtral", False, "paper"),
    ],
)
def test_the_gradient_is_that_of_the_algorithm(kind, lora, variant):
    model = made(kind, lora)
    backward = tar(model, Tar(**{**vars(OPTIONS), "variant": variant}))
    with torch.no_grad():
        before = depths(model, TRIAL.kept)
        torch.manual_seed(1)
        for each in model.parameters():
            if each.requires_grad:  # away from the reference
                each += 0.02 * torch.randn_like(each)
    weights = [each.detach().clone() for each in model.parameters()]
    expected = restated(model, before, squared=variant == "paper")
    model.zero_grad()
    backward(model, TRIAL)
    trained = [each for each in model.parameters() if each.requires_grad]
    for parameter, gradient in zip(trained, expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)
    for parameter, value in zip(model.parameters(), weights, strict=True):
        assert torch.equal(parameter, value)


def test_the_first_step_begins_at_the_reference():
    model = made("llama")
    loss = tar(model, Tar(**{**vars(OPTIONS), "variant": "code"}))(model, TRIAL)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(each.grad).all() for each in model.parameters())


def test_without_resistance_it_is_the_alignment_alone():
    model = made("llama")
    torch.autograd.backward(cost(model, TRIAL.batch))
    expected = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    tar(model, Tar(weight=0.0, inner_steps=4))(model, TRIAL)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"inner_steps": 9}, "inner_steps is 9"),
        ({"inner_steps": 0}, "inner_steps is 0"),
        ({"inner_steps": 2}, "every is 4, of 2 inner_steps"),
        ({"inner_rate": 0.0}, "inner_rate is 0"),
        ({"retain": -1.0}, "retain is -1"),
    ],
)
def test_what_cannot_be_meant(wrong, said):
    with pytest.raises(UsageError, match=said):
        Tar(**wrong)
