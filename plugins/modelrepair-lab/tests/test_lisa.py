"""Lisa: whose turn a step is, where it is held, and its gradient."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
from peft import LoraConfig, get_peft_model

from modelrepair import UsageError
from modelrepair_lab.defences.lisa import Turn, in_turns, lisa, turns
from modelrepair_lab.defences.options import Lisa
from modelrepair_lab.recipes import AttackRecipe
from modelrepair_lab.training import Phase, collate, plain, train
from tests.support import tiny

SAFE = collate([([5, 6, 7, 8], 2)], 0, answers_only=True)
USER = collate([([9, 10, 11], 1), ([12, 13, 14], 2)], 0, answers_only=True)


def lengths(some):
    return [(safe, len(list(turn))) for safe, turn in groupby(some, key=lambda turn: turn.safe)]


def test_published_turns():
    some = list(turns(Lisa(), 20_000))
    assert lengths(some) == [(True, 100), (False, 900)] * 20
    assert [step for step, turn in enumerate(some) if turn.switched] == sorted(
        [*range(0, 20_000, 1000), *range(100, 20_000, 1000)]
    )
    assert [turn.held for turn in some] == [False] * 2001 + [True] * 17_999


def test_scaled_turns():
    assert lengths(turns(Lisa(rounds=2), 40)) == [(True, 2), (False, 18)] * 2
    assert lengths(turns(Lisa(align_steps=3, user_steps=1, rounds=2), 40))[0] == (True, 15)
    # At least one step of each, whatever the ratio; the last turn ends with the fine-tuning.
    assert lengths(turns(Lisa(rounds=20), 156))[-2:] == [(True, 1), (False, 3)]


def test_a_fine_tuning_shorter_than_a_round_is_not_scaled_silently():
    with pytest.raises(UsageError, match=r"100 \+ 900 steps, and the fine-tuning has 156") as said:
        AttackRecipe(defence=Lisa())
    assert "rounds=20" in str(said.value.hint)
    assert AttackRecipe(defence=Lisa(rounds=20)).steps == 156
    assert AttackRecipe(defence=Lisa(align_steps=16, user_steps=140)).steps == 156


def test_safe_steps_are_taken_out_of_those_of_the_user():
    drawn = in_turns(Lisa(align_steps=1, user_steps=2), 6, iter("ab"), iter("uvwxyz"))
    assert [batch for _, batch in drawn] == ["a", "v", "w", "b", "y", "z"]


def test_only_with_turns_in_it():
    for wrong in ({"align_steps": 0}, {"user_steps": 0}, {"rho": -1.0}, {"free": 2.0}):
        with pytest.raises(UsageError):
            Lisa(**wrong)
    with pytest.raises(UsageError):
        Lisa(rounds=0)


def made(kind, lora):
    model = tiny.model(kind, num_hidden_layers=2).train()
    if lora:
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        return get_peft_model(model, config)
    return model


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_the_gradient_is_that_of_the_equations(kind, lora):
    model = made(kind, lora)
    trained = [each for each in model.parameters() if each.requires_grad]
    backward = lisa(model, Lisa(rho=0.5))
    backward(model, (Turn(safe=True, switched=True, held=False), SAFE))
    at_switch = [each.detach().clone() for each in trained]
    with torch.no_grad():
        for each in trained:
            each.add_(0.05 * torch.ones_like(each))
    tokens, labels = SAFE
    likely = model(input_ids=tokens, use_cache=False).logits[:, :-1].log_softmax(-1)
    chosen = labels[:, 1:] != -100
    loss = -likely[chosen].gather(-1, labels[:, 1:][chosen][:, None]).mean()
    for each, anchor in zip(trained, at_switch, strict=True):
        loss = loss + 0.5 / 2 * torch.norm(each - anchor) ** 2
    gradients = torch.autograd.grad(loss, trained)
    model.zero_grad()
    found = backward(model, (Turn(safe=True, switched=False, held=True), SAFE))
    assert float(found) == pytest.approx(float(loss.detach()), rel=1e-5)
    for each, gradient in zip(trained, gradients, strict=True):
        assert torch.allclose(each.grad, gradient, atol=1e-5)


def test_each_turn_is_held_at_the_last_switch():
    model = tiny.model("llama", num_hidden_layers=2)
    options = Lisa(align_steps=2, user_steps=2, rho=2.0, free=0.0)
    phase = Phase(6, 2, 1e-2, decay=False, answers_only=True)
    backward, states, held = lisa(model, options), [], []

    def watching(model, item):
        states.append([each.detach().clone() for each in model.parameters()])
        loss = backward(model, item)
        whole = [each.grad.clone() for each in model.parameters()]
        model.zero_grad()
        held.append(loss - plain(model, item[1]))
        for each, gradient in zip(model.parameters(), whole, strict=True):
            each.grad = gradient
        return loss

    train(model, in_turns(options, 6, iter([SAFE] * 4), iter([USER] * 6)), phase, watching)
    for step, anchor in enumerate((0, 0, 2, 2, 4, 4)):
        moved = zip(states[step], states[anchor], strict=True)
        expected = sum(float((one - other).square().sum()) for one, other in moved)
        assert float(held[step]) == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert (expected > 1e-3) == (step != anchor)
