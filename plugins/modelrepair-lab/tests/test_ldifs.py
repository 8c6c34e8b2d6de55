"""LDIFS: its gradient against a restatement, and what is held of which layer."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from peft import LoraConfig, get_peft_model

from modelrepair import UnsupportedModelError
from modelrepair_lab import training
from modelrepair_lab.defences.ldifs import features, ldifs, port
from modelrepair_lab.defences.options import Ldifs, read_tuning
from modelrepair_lab.training import collate, plain
from tests.support import tiny

EXAMPLES = [([5, 6, 7, 8, 9], 2), ([11, 12, 13], 1), ([3, 4, 5, 6, 7, 8], 3)]
BATCH = collate(EXAMPLES, 0, answers_only=True)
MLPS = {"llama": ".mlp", "opt": ".fc2"}


def moved(kind, lora=False):
    """A model, and the same one after a step: what is held has to be away from where it was."""
    before = tiny.model(kind, num_hidden_layers=2, dropout=0.0).train()
    after = deepcopy(before)
    if lora:
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        return before, get_peft_model(after, config)
    return before, after


def shift(model):
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            if parameter.requires_grad:
                torch.manual_seed(number)
                parameter.add_(0.02 * torch.randn(parameter.shape))


def restated(before, after, kind, variant, weight):
    """The same loss in plain torch, one example after the other, so that nothing is padded."""

    def states(model, tokens):
        ends = MLPS[kind] if variant == "code" else ("embed_tokens", "layers.0", "layers.1")
        found = []
        hooks = [
            module.register_forward_hook(lambda module, args, result: found.append(result))
            for name, module in model.named_modules()
            if name.endswith(ends)
        ]
        model(tokens, use_cache=False)
        for hook in hooks:
            hook.remove()
        found = [each[0] if isinstance(each, tuple) else each for each in found]
        return [each.reshape(-1, each.shape[-1]) for each in found]

    inner = after.get_base_model() if hasattr(after, "get_base_model") else after
    likely, moves = [], []
    for ids, start in EXAMPLES:
        tokens = torch.tensor([ids])
        logits = after(input_ids=tokens, use_cache=False).logits[0].log_softmax(-1)
        likely += [logits[at - 1, ids[at]] for at in range(start, len(ids))]
        moves.append(list(zip(states(inner, tokens), states(before, tokens), strict=True)))
    loss = -torch.stack(likely).mean()
    for layer in range(len(moves[0])):
        one, other = (torch.cat([move[layer][at] for move in moves]) for at in (0, 1))
        if variant == "paper":
            one, other = (each / each.norm(dim=-1, keepdim=True) for each in (one, other.detach()))
            loss = loss + weight * ((one - other) ** 2).sum(-1).mean() / len(moves[0])
        else:
            penalty = weight / 2 * ((one - other.detach()) ** 2).sum()
            loss = loss + (penalty if penalty < 0.1 else 0)
    return loss


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("kind", MLPS)
def test_the_gradient_is_that_of_the_equations(monkeypatch, kind, variant, lora, large):
    # Of the two MLPs of OPT with adapters one is above the port's limit and one below.
    weight = 10.0 if variant == "paper" else 3e-4 if lora else 0.1
    if large:
        monkeypatch.setattr(training, "LARGE", 0)  # in parts, without padding
    before, after = moved(kind, lora)
    backward = ldifs(after, Ldifs(weight=weight, variant=variant))
    shift(after)
    expected = restated(before, after, kind, variant, weight)
    trained = [each for each in after.parameters() if each.requires_grad]
    gradients = torch.autograd.grad(expected, trained, allow_unused=True)
    plainly = plain(after, BATCH)
    after.zero_grad()
    loss = backward(after, BATCH)
    assert float(loss) == pytest.approx(float(expected.detach()), abs=1e-5)
    assert float(loss - plainly) > 1e-3
    for parameter, gradient in zip(trained, gradients, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)
    assert not any(module._forward_hooks for module in after.modules())
    assert all(module.training for module in after.modules())


def test_nothing_is_held_before_the_first_step():
    _, model = moved("llama")
    expected = plain(model, BATCH)
    gradients = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    assert torch.equal(ldifs(model, Ldifs())(model, BATCH), expected)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-7)


def test_the_features_are_the_embedding_and_the_ends_of_four_quarters():
    for count, ends in ((2, (1, 2)), (3, (1, 2, 3)), (10, (2, 5, 8, 10))):
        model = tiny.model("llama", num_hidden_layers=count)
        blocks = model.model.layers
        assert features(model) == (model.model.embed_tokens, *(blocks[end - 1] for end in ends))


def test_the_port_lets_go_of_a_layer_that_is_far_away_or_not_finite():
    at = torch.zeros(2, 3)
    for far in (1.0, torch.inf, torch.nan):
        states = torch.full((2, 3), far, requires_grad=True)
        near = torch.full((2, 3), 0.1, requires_grad=True)
        penalty = port([(near, at), (states, at)], weight=1.0)
        penalty.backward()
        assert float(penalty.detach()) == pytest.approx(0.03)
        assert states.grad is None


def test_the_port_is_as_published_where_nothing_is_said():
    assert read_tuning("ldifs", {"variant": "code"}, "-") == Ldifs(weight=1e-4, variant="code")
    assert read_tuning("ldifs", {}, "-") == Ldifs(weight=10.0, variant="paper")


def test_the_port_needs_mlps():
    with pytest.raises(UnsupportedModelError, match="no MLP can be told apart"):
        ldifs(tiny.model("mamba"), Ldifs(variant="code"))
