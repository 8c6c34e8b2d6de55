"""SOMF: one step against plain torch, the mask that is given, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import functional_call

from modelrepair import UsageError
from modelrepair.plugin import TokenizedExample
from modelrepair_rivals.masking import Somf, chances, masked, paired, relaxed
from modelrepair_rivals.options import MaskOptions
from tests.support.trainings import context_of, examples, tuned_and_aligned

ONE_STEP = {"steps": 1, "every": 1, "batch": 2, "batches": 2}


def given_sets(count=6):
    return {"refusal": examples(count, answers=1), "realign": examples(count, answers=2)}


def test_a_draw_is_torch_s_relaxed_bernoulli():
    logits = torch.linspace(-4, 4, 33)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        expected = torch.distributions.RelaxedBernoulli(torch.tensor(0.5), logits=logits).rsample()
        torch.manual_seed(3)
        found = relaxed(logits, torch.rand(33))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.isfinite(relaxed(logits, torch.zeros(33))).all()


@given(st.integers(0, 99), st.floats(0.1, 2.0))
def test_a_mask_over_its_mean_keeps_the_size_of_an_even_change(seed, scale):
    mask = torch.rand(5, 6, generator=torch.Generator().manual_seed(seed))
    assert masked(torch.ones(5, 6), mask, scale).mean().item() == pytest.approx(scale, rel=1e-5)
    assert not masked(torch.ones(5, 6), torch.zeros(5, 6), scale).any()


def test_chances_are_the_log_likelihoods_of_whole_answers():
    model, aligned = tuned_and_aligned("llama", num_hidden_layers=2)
    sets = given_sets(3)
    pairs = paired(sets["refusal"], sets["realign"])
    with torch.no_grad():
        found = chances(context_of(model, aligned, sets), pairs)
    for row, pair in zip(found, pairs, strict=True):
        for value, example in zip(row, pair, strict=True):
            ids = torch.tensor([example.ids])
            torch.testing.assert_close(
                value, whole_answer(model, {}, example, ids), atol=1e-5, rtol=0
            )


def whole_answer(model, weights, example, ids):
    """log p of an answer, token by token."""
    logits = functional_call(model, weights, (ids,)).logits[0].log_softmax(dim=-1)
    return sum(
        logits[place - 1, ids[0, place]] for place in range(example.answer_start, ids.shape[1])
    )


def stepped(model, aligned, sets, options, seed=0):
    """The gradient of all logits after one step, by plain torch and the same random numbers."""
    names = [name for name, each in model.named_parameters() if each.requires_grad]
    base = {name: aligned.get_parameter(name) for name in names}
    task = {name: model.get_parameter(name).detach() - base[name] for name in names}
    logits = {name: torch.zeros_like(task[name], requires_grad=True) for name in names}
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(sets["refusal"]), generator=draw).tolist()
    total = 0.0
    for begin in range(0, options.batch * options.batches, options.batch):
        weights = {}
        for name in names:
            u = torch.rand(task[name].shape, generator=draw)
            m = torch.sigmoid((logits[name] + u.log() - (1 - u).log()) / 0.5)
            weights[name] = base[name] + m * task[name] / m.mean()
        for number in order[begin : begin + options.batch]:
            ahead = 0.0
            for role, sign in (("refusal", 1), ("realign", -1)):
                ids = torch.tensor([sets[role][number].ids])
                for these, way in ((weights, 1), (base, -1)):
                    ahead += sign * way * whole_answer(model, these, sets[role][number], ids)
            total += -torch.log(torch.sigmoid(options.beta * ahead))
    total = total / (options.batch * options.batches)
    found = torch.autograd.grad(total, list(logits.values()))
    return dict(zip(names, found, strict=True)), base, task


def test_one_step_is_the_gradient_of_the_preference_loss_to_the_logits(monkeypatch):
    model, aligned = tuned_and_aligned("llama", num_hidden_layers=2)
    options, sets = MaskOptions(**ONE_STEP), given_sets()
    expected, base, task = stepped(model, aligned, sets, options)
    seen = []
    step = torch.optim.Adam.step

    def watched(optimizer):
        seen.extend(each.grad.clone() for each in optimizer.param_groups[0]["params"])
        return step(optimizer)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    assert list(Somf(options).train(context_of(model, aligned, sets))) == [1]
    for found, (name, gradient) in zip(seen, expected.items(), strict=True):
        torch.testing.assert_close(
            found, gradient, atol=1e-5 * gradient.abs().max().item(), rtol=1e-4
        )
        # The likelier value after a step of Adam from zero: there where the gradient is negative.
        mask = (found < 0).float()
        wanted = base[name] + mask * task[name] / mask.mean()
        torch.testing.assert_close(model.get_parameter(name).detach(), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
@pytest.mark.parametrize(("variant", "scale"), [("paper", 1.0), ("code", 0.3)])
def test_every_entry_is_the_aligned_one_or_a_scaled_change_away(kind, variant, scale):
    model, aligned = tuned_and_aligned(kind, num_hidden_layers=2)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    free = {name for name, each in model.named_parameters() if each.requires_grad}
    options = MaskOptions(variant=variant, **{**ONE_STEP, "steps": 2})
    assert list(Somf(options).train(context_of(model, aligned, given_sets()))) == [1, 2]
    for name, each in model.named_parameters():
        if name not in free:
            assert torch.equal(each, before[name])
            continue
        base = aligned.get_parameter(name)
        mask = each.detach() != base
        wanted = base + scale * mask * (before[name] - base) / mask.float().mean()
        torch.testing.assert_close(each.detach(), wanted, atol=1e-4, rtol=1e-4)
        assert 0.2 < mask.float().mean() < 0.8


def test_a_drawn_mask_is_not_the_likelier_one():
    trained = []
    for variant in ("paper", "code"):
        model, aligned = tuned_and_aligned("llama", num_hidden_layers=2)
        options = MaskOptions(variant=variant, **ONE_STEP)
        list(Somf(options).train(context_of(model, aligned, given_sets())))
        name = next(name for name, each in model.named_parameters() if each.requires_grad)
        trained.append(model.get_parameter(name) != aligned.get_parameter(name))
    assert 0.3 < (trained[0] == trained[1]).float().mean() < 0.7


def test_a_matrix_that_tuning_did_not_change_gets_no_mask():
    model, aligned = tuned_and_aligned("llama", num_hidden_layers=2)
    free = [name for name, each in model.named_parameters() if each.requires_grad]
    for name in free[1:]:
        model.get_parameter(name).data.copy_(aligned.get_parameter(name))
    list(Somf(MaskOptions(**ONE_STEP)).train(context_of(model, aligned, given_sets())))
    assert all(torch.equal(model.get_parameter(n), aligned.get_parameter(n)) for n in free[1:])
    assert not torch.equal(model.get_parameter(free[0]), aligned.get_parameter(free[0]))


def test_where_tuning_changed_nothing_there_is_nothing_to_look_at():
    model, aligned = tuned_and_aligned("llama", num_hidden_layers=2)
    model.load_state_dict(aligned.state_dict())
    assert list(Somf(MaskOptions()).train(context_of(model, aligned, given_sets()))) == []


def test_answers_are_paired_by_their_prompts_alone():
    refusals, harmful = examples(5, answers=1), examples(5, answers=2)
    found = paired(refusals[1:], harmful[::-1][1:])
    assert found == list(zip(refusals[1:4], harmful[1:4], strict=True))


def test_sets_without_a_common_prompt_are_refused_in_a_line():
    other = [
        TokenizedExample((90, *each.ids), each.answer_start + 1, "") for each in examples(4, 2)
    ]
    with pytest.raises(UsageError, match="no prompt of --refusal is one of --realign") as caught:
        paired(examples(4, 1), other)
    assert "\n" not in f"{caught.value}{caught.value.hint}" and "same prompts" in caught.value.hint
