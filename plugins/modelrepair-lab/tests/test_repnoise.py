"""RepNoise: its gradient against a restatement, its distance to noise, and its pairs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model

from modelrepair import ExampleSetError
from modelrepair_lab.defences.options import RepNoise, read_aligning
from modelrepair_lab.defences.readout import readout
from modelrepair_lab.defences.repnoise import differing, mmd, pairs_of, repnoise
from modelrepair_lab.training import collate, plain
from tests.support import tiny

BATCH = collate([([60, 61, 62, 63, 64], 2), ([65, 66, 67], 1)], 0, answers_only=True)
PAIRS = [
    (([5, 6, 7, 8, 9, 10], 2), ([5, 6, 20, 8, 21], 2)),
    (([11, 12, 13, 14], 2), ([11, 12, 15, 16, 17], 2)),
    (([3, 4, 5, 6, 7], 1), ([3, 30, 31], 1)),
]
MASK = [[0, 0, 1, 0, 1, 1], [0, 0, 1, 1, 0, 0], [0, 1, 1, 1, 1, 0]]
LAYERS = {"llama": ("mlp", "model.norm"), "opt": ("fc2", "model.decoder.final_layer_norm")}
LAYERS["mixtral"] = LAYERS["llama"]


def kernels(first, second, width):
    apart = ((first[:, None] - second[None]) ** 2).sum(-1)
    return sum(torch.exp(-apart / (width * 2.0**i)) for i in range(-2, 3))


def discrepancy(x, y):
    """The same distance, pair by pair."""
    both = torch.cat([x, y])
    apart = ((both[:, None] - both[None]) ** 2).sum(-1).detach()
    width = apart.sum() / (len(both) * (len(both) - 1))
    mixed = kernels(x, y, width).mean()
    return kernels(x, x, width).mean() + kernels(y, y, width).mean() - 2 * mixed


def restated(model, kind, alpha, beta, inside):
    """The added loss in plain torch, written from the formula."""
    name, norm = LAYERS[kind]
    tokens = torch.tensor([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 0, 0], [3, 4, 5, 6, 7, 0]])
    mask = torch.tensor(MASK).bool()
    named = [module for path, module in model.named_modules() if path.endswith(f".{name}")]
    seen = []
    hooks = [each.register_forward_hook(lambda m, a, result: seen.append(result)) for each in named]
    found = model(input_ids=tokens, use_cache=False, output_hidden_states=True)
    for hook in hooks:
        hook.remove()
    noise = 0
    torch.manual_seed(5)
    for states in seen:
        hidden = states.reshape(3, 6, -1) * mask[..., None]
        gauss = torch.randn(3, 6, hidden.shape[-1]) * mask[..., None]
        noise = noise + discrepancy(hidden.flatten(1), gauss.flatten(1)) / len(seen)

    def cost(logits):
        likely = logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
        return -likely[mask[:, 1:]].mean()

    harm = cost(found.logits)
    if inside:
        last, head = model.get_submodule(norm), model.get_output_embeddings()
        every = [cost(head(last(states))) for states in found.hidden_states]
        harm = (harm + sum(every)) / len(every) + 1
    return beta * noise - alpha * torch.log(harm)


def made(kind, lora=False):
    model = tiny.model(kind, num_hidden_layers=2).eval()  # some have dropout in training
    if lora:
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        return get_peft_model(model, config)
    return model


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("kind", LAYERS)
def test_the_gradient_is_that_of_the_formula(kind, variant):
    model = made(kind)
    loss = plain(model, BATCH)
    added = restated(model, kind, alpha=0.5, beta=0.7, inside=variant == "paper")
    torch.autograd.backward(added)
    expected = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    backward = repnoise(model, RepNoise(alpha=0.5, beta=0.7, variant=variant))
    torch.manual_seed(5)
    found = backward(model, (BATCH, differing(PAIRS, 0)))
    assert float(found) == pytest.approx(float(loss + added.detach()), abs=1e-5)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)


def test_an_adapter_alone_learns():
    adapted = made("llama", lora=True)
    trained = [each for name, each in adapted.named_parameters() if "lora_" in name]
    repnoise(adapted, RepNoise(beta=1.0))(adapted, (BATCH, differing(PAIRS, 0)))
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in trained)
    others = [each for name, each in adapted.named_parameters() if "lora_" not in name]
    assert all(each.grad is None for each in others)


def test_steps_make_harmful_answers_less_likely():
    model = made("llama")
    backward = repnoise(model, RepNoise(beta=0.0))
    tokens, mask = differing(PAIRS, 0)
    step = torch.optim.SGD(model.parameters(), lr=0.05)

    def cost():
        with torch.no_grad():
            logits = model(input_ids=tokens).logits[:, :-1][mask[:, 1:]]
        return float(torch.nn.functional.cross_entropy(logits, tokens[:, 1:][mask[:, 1:]]))

    before = cost()
    for _ in range(5):
        step.zero_grad()
        backward(model, (BATCH, (tokens, mask)))
        step.step()
    assert cost() > before + 0.1


def test_the_mask_is_where_the_answers_differ():
    tokens, mask = differing(PAIRS, 0)
    assert mask.int().tolist() == MASK
    assert tokens[1].tolist() == [11, 12, 13, 14, 0, 0]


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 2**32 - 1))
@example(members=2, numbers=5, seed=16032813)
def test_the_distance_is_that_of_all_pairs(members, numbers, seed):
    torch.manual_seed(seed)
    x, y = torch.randn(2, members, numbers)
    assert float(mmd(x, y)) == pytest.approx(float(discrepancy(x, y)), abs=1e-5)
    assert float(mmd(x, y)) >= -1e-6
    assert float(mmd(x, x.clone())) == pytest.approx(0, abs=1e-6)
    assert float(mmd(x, y)) == pytest.approx(float(mmd(y, x)), abs=1e-5)


def test_pairs_have_one_prompt_and_two_answers():
    harmful = [([5, 6, 7], 2), ([8, 7], 1), ([9, 3], 1)]
    refusals = [([9, 3], 1), ([5, 6, 9], 2), ([5, 6, 8], 2)]
    assert pairs_of(harmful, refusals) == [(([5, 6, 7], 2), ([5, 6, 9], 2))]
    with pytest.raises(ExampleSetError, match="no prompt of the harmful set has a refusal"):
        pairs_of(harmful, [([4, 4], 1)])


@pytest.mark.parametrize("kind", ["llama", "opt", "gpt_neox", "gpt2", "rwkv", "mixtral"])
def test_the_readout_of_the_last_state_is_what_the_model_says(kind):
    model = tiny.model(kind).eval()
    seen = []
    blocks = next(
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == 3
    )
    blocks[-1].register_forward_hook(lambda m, a, result: seen.append(result))
    ids = torch.tensor([[3, 4, 5]])
    logits = model(input_ids=ids, use_cache=False).logits
    (state,) = seen
    state = state[0] if isinstance(state, (tuple, list)) else state
    assert torch.equal(readout(model)(state.reshape(1, 3, -1)), logits)


def test_the_port_has_its_own_published_alpha():
    assert read_aligning("repnoise", {"variant": "code"}, "").alpha == 0.1
    assert read_aligning("repnoise", {"variant": "code", "alpha": "0.3"}, "").alpha == 0.3
    assert read_aligning("repnoise", {}, "") == RepNoise(alpha=1.0, beta=0.001, variant="paper")
