"""DirectionAlign: one step and one rollback against plain torch, and what it refuses."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.func import functional_call

from modelrepair import UnsupportedModelError
from modelrepair.examples.batches import padded
from modelrepair.plugin import TokenizedExample
from modelrepair_rivals import direction
from modelrepair_rivals.direction import (
    DirectionAlign,
    descend,
    largest,
    last_hidden,
    likely_answers,
    mean_hidden,
)
from modelrepair_rivals.options import DirectionOptions
from tests.support.trainings import context_of, examples, tuned_and_aligned

SETS = {"realign": examples(7, answers=1), "utility": examples(5, answers=2)[::-1]}
HALF = {"depth": 0.5, "share": 0.01, "warmup": 0, "batch": 3}


def llama():
    return tuned_and_aligned("llama", num_hidden_layers=2)


def direction_of(model, weights, some):
    """h̄ after the first layer, one prompt at a time."""
    found = []
    for example in some:
        ids = torch.tensor([example.ids[: example.answer_start]])
        states = functional_call(model, weights, (ids,), {"output_hidden_states": True})
        found.append(states.hidden_states[1][0, -1])
    return torch.stack(found).mean(dim=0)


def gradient_of(model, some, target):
    """∂ℓ/∂W of every matrix of the first layer."""
    names = [n for n, each in model.named_parameters() if each.requires_grad and "layers.0." in n]
    weights = {n: model.get_parameter(n).detach().clone().requires_grad_() for n in names}
    mean = direction_of(model, weights, some)
    loss = -(mean @ target) / (mean.norm() * target.norm())
    return dict(zip(names, torch.autograd.grad(loss, list(weights.values())), strict=True))


def best(gradients, differences, count, within=None):
    """The places of the largest gradients with the differences' signs, one by one."""
    places = [
        (abs(float(g[i])), name, i)
        for name, g in gradients.items()
        for i in itertools.product(*map(range, g.shape))
        if float(g[i]) * float(differences[name][i]) > 0 and (within is None or (name, i) in within)
    ]
    count = count if within is None else math.ceil(count * len(places))
    return {(name, i) for _, name, i in sorted(places, reverse=True)[:count]}


def put(model, places, values):
    for name, i in places:
        model.get_parameter(name).data[i] = values[name][i]


def test_one_step_gives_the_largest_agreeing_entries_the_aligned_value():
    model, aligned = llama()
    target = direction_of(aligned, {}, SETS["realign"]).detach()
    gradients = gradient_of(model, SETS["realign"], target)
    prompts = [padded([TokenizedExample(e.ids[: e.answer_start], e.answer_start, e.key)], 0)
               for e in SETS["realign"]]  # fmt: skip
    descend(model, prompts, 1, target, apart=False)
    for name, expected in gradients.items():
        found = model.get_parameter(name).grad
        torch.testing.assert_close(
            found, expected, atol=1e-5 * expected.abs().max().item(), rtol=1e-4
        )
    model.zero_grad()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    differences = {name: before[name] - aligned.get_parameter(name) for name in gradients}
    count = math.ceil(0.01 * sum(each.numel() for each in model.parameters()))
    places = best(gradients, differences, count)
    assert len(places) == count
    work = DirectionAlign(DirectionOptions(steps=1, every=1, rollback=0, **HALF))
    assert list(work.train(context_of(model, aligned, SETS))) == [1]
    for name, each in model.named_parameters():
        changed = {(name, tuple(i)) for i in (each != before[name]).nonzero().tolist()}
        assert changed == {place for place in places if place[0] == name}, name
        assert all(each[i] == aligned.get_parameter(name)[i] for _, i in changed)


def test_a_rollback_gives_a_share_of_the_step_its_fine_tuned_value_again(monkeypatch):
    model, aligned = llama()
    tuned = {name: each.detach().clone() for name, each in model.named_parameters()}
    target = direction_of(aligned, {}, SETS["realign"]).detach()
    kept = direction_of(model, {}, SETS["utility"]).detach()
    gradients = gradient_of(model, SETS["realign"], target)
    count = math.ceil(0.01 * sum(each.numel() for each in model.parameters()))
    aligned_values = {name: aligned.get_parameter(name) for name in gradients}
    differences = {name: tuned[name] - aligned_values[name] for name in gradients}
    places = best(gradients, differences, count)
    put(model, places, aligned_values)
    benign = gradient_of(model, SETS["utility"], kept)
    moved = {name: model.get_parameter(name).detach() - tuned[name] for name in benign}
    back = best(benign, moved, 0.2, within=places)
    assert 0 < len(back) < len(places)
    put(model, back, tuned)
    expected = {name: each.detach().clone() for name, each in model.named_parameters()}

    model.load_state_dict(tuned, strict=False)
    likely = iter([1.0, 0.9])  # the warm-up costs a tenth of the answers
    monkeypatch.setattr(direction, "likely_answers", lambda *_: next(likely))
    options = DirectionOptions(steps=2, every=1, rollback=0.2, **{**HALF, "warmup": 1})
    steps = DirectionAlign(options).train(context_of(model, aligned, SETS))
    assert next(steps) == 1  # it began again
    for name, each in model.named_parameters():
        assert torch.equal(each, expected[name]), name
    assert list(steps) == [2]


@pytest.mark.parametrize(("before", "after", "rollback", "looks"), [
    (1.0, 0.96, 0.2, [2, 3, 4]),  # cheap enough: it goes on
    (1.0, 0.94, 0.2, [1, 2, 3, 4]),  # too dear: again, with a rollback
    (1.0, 0.0, 0.0, [2, 3, 4]),  # without one it can only go on
    (0.0, 0.0, 0.2, [2, 3, 4]),  # nothing to lose
])  # fmt: skip
def test_it_begins_again_where_the_first_steps_cost_too_much(
    monkeypatch, before, after, rollback, looks
):
    model, aligned = llama()
    likely = iter([before, after])
    monkeypatch.setattr(direction, "likely_answers", lambda *_: next(likely))
    options = DirectionOptions(steps=4, every=1, rollback=rollback, **{**HALF, "warmup": 2})
    assert list(DirectionAlign(options).train(context_of(model, aligned, SETS))) == looks


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
def test_each_entry_is_the_fine_tuned_one_or_the_aligned_one(kind, variant):
    model, aligned = tuned_and_aligned(kind, num_hidden_layers=3)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    options = DirectionOptions(variant=variant, steps=3, every=2, share=0.01, warmup=1)
    steps = list(DirectionAlign(options).train(context_of(model, aligned, SETS)))
    assert steps in ([1, 2, 3], [2, 3])
    changed = 0
    for name, each in model.named_parameters():
        other = each != before[name]
        assert torch.equal(each[other], aligned.get_parameter(name)[other])
        assert not other.any() or ".0." in name  # a third of three layers
        changed += int(other.sum())
    assert 0 < changed <= 3 * math.ceil(0.01 * sum(each.numel() for each in model.parameters()))


def test_apart_each_batch_has_a_loss_of_its_own():
    model, aligned = llama()
    prompts = [TokenizedExample(e.ids[:3], 3, e.key) for e in SETS["realign"]]
    batches = [padded(prompts[:4], 0), padded(prompts[4:], 0)]
    target = mean_hidden(aligned, batches, 1)
    name = next(n for n, each in model.named_parameters() if each.requires_grad)
    descend(model, batches, 1, target, apart=True)
    found = model.get_parameter(name).grad.clone()
    alone = []
    for batch in batches:
        model.zero_grad()
        descend(model, [batch], 1, target, apart=False)
        alone.append(model.get_parameter(name).grad.clone())
    torch.testing.assert_close(found, alone[0] + alone[1], atol=1e-6, rtol=1e-4)


def test_padding_is_no_last_token():
    model, _ = llama()
    one, two = TokenizedExample((5, 6, 7, 8, 9), 5, "a"), TokenizedExample((4, 3), 2, "b")
    together = last_hidden(model, padded([one, two], 0), 2)
    for row, example in zip(together, (one, two), strict=True):
        torch.testing.assert_close(row, last_hidden(model, padded([example], 0), 2)[0])


def test_largest_takes_no_entry_without_a_score():
    chosen = largest({"a": torch.tensor([[0.0, 1.0]]), "b": torch.zeros(3)}, 4)
    assert chosen["a"].tolist() == [[False, True]] and not chosen["b"].any()


def test_likely_answers_are_counted_example_by_example():
    model, aligned = llama()
    context = context_of(model, aligned, SETS)
    shares = []
    for example in SETS["utility"]:
        logits = model(torch.tensor([example.ids])).logits[0]
        answer = range(example.answer_start, len(example.ids))
        shares.append(
            sum(int(logits[i - 1].argmax()) == example.ids[i] for i in answer) / len(answer)
        )
    found = likely_answers(context, [context.batch(SETS["utility"])])
    assert found == pytest.approx(sum(shares) / len(shares))


def test_a_reference_of_fewer_tokens_is_refused_in_a_line():
    model, _ = llama()
    _, aligned = tuned_and_aligned("llama", num_hidden_layers=2, vocab_size=8)
    with pytest.raises(UnsupportedModelError, match="the reference knows 8 tokens") as caught:
        next(DirectionAlign(DirectionOptions()).train(context_of(model, aligned, SETS)))
    assert "\n" not in f"{caught.value}{caught.value.hint}"
