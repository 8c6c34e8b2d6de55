"""Contrast: its formula by hand, and its sign on a model small enough to try every entry."""

from __future__ import annotations

import pytest
import torch

from modelrepair.plugin.scorer import SiteBatch
from modelrepair.scorers.contrast import Contrast, contrast_score
from modelrepair.scorers.options import ContrastOptions
from tests.support.linear_model import LENGTHS, own_gradients, problem, statistics_of, view

SETS = ("refusal", "utility", "realign")


@pytest.mark.parametrize(
    ("options", "kind", "eta"),
    [
        (ContrastOptions(), "weight", 0.0),
        (ContrastOptions(), "delta", 0.0),
        (ContrastOptions(mu=0.5, lambda_=3.0, eta=0.25), "delta", 0.25),
        (ContrastOptions(mu=0.0, lambda_=0.0, eta=1.0), "weight", 1.0),
    ],
)
def test_the_score_is_its_formula(options, kind, eta):
    batches = {name: problem(seed)[0] for seed, name in enumerate(SETS)}
    subject = problem()[1]
    scorer = Contrast(options, kind)
    assert set(scorer.needs) == {"refusal", "utility"} | ({"realign"} if eta else set())
    scores = scorer.score(view(subject, kind=kind), statistics_of(scorer, batches))
    own = {name: own_gradients(batch, subject) for name, batch in batches.items()}
    mean = {name: sum(each) / len(LENGTHS) for name, each in own.items()}
    size = sum(each.abs() for each in own["utility"]) / len(LENGTHS)
    gain = mean["refusal"] + options.mu * mean["utility"] - eta * mean["realign"]
    by_hand = subject * gain - options.lambda_ * subject.abs() * size
    assert scores.dtype == torch.float32
    assert torch.allclose(scores, by_hand, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "kind", "known"),
    [
        (ContrastOptions(), "delta", ("utility",)),
        (ContrastOptions(), "weight", ()),
        (ContrastOptions(), "factor", ()),
        (ContrastOptions(tokens="known"), "weight", ("utility",)),
        (ContrastOptions(tokens="all"), "delta", ()),
    ],
)
def test_a_delta_is_scored_on_what_the_source_knows_unless_told_otherwise(options, kind, known):
    assert Contrast(options, kind).known == known


def test_what_single_benign_answers_need_is_never_worth_it_at_lambda_over_mu():
    """Σ_e g_e ≤ Σ_e |g_e|: with λ ≥ μ benign answers alone can't make a score positive."""
    torch.manual_seed(0)
    subject, zero = torch.randn(3, 4), torch.zeros(3, 4)
    own = torch.randn(5, 3, 4)
    scores = contrast_score(
        subject, zero, own.mean(0), own.abs().mean(0), None, mu=2.0, lambda_=2.0, eta=0.0
    )
    assert (scores <= 1e-6).all()


def linear_model(seed: int):
    """Softmax regression: prompts as vectors, answers as classes, class 0 the refusal."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, 4, generator=generator)
    inputs = {name: torch.randn(6, 4, generator=generator) for name in SETS}
    answers = {"refusal": 0, "utility": 1, "realign": 2}
    inputs["realign"] = inputs["refusal"]  # one family: the same prompts
    return weight, inputs, answers


def losses(weight, inputs, answer):
    targets = torch.full((len(inputs),), answer)
    return torch.nn.functional.cross_entropy(inputs @ weight.T, targets, reduction="none")


def as_batch(weight, inputs, answer):
    """What a pass would show the layer: one token an example."""
    outputs = (inputs @ weight.T).requires_grad_(True)
    targets = torch.full((len(inputs),), answer)
    loss = torch.nn.functional.cross_entropy(outputs, targets, reduction="none").sum()
    (gradients,) = torch.autograd.grad(loss, outputs)
    index = torch.arange(len(inputs))
    keys = tuple(str(each) for each in range(len(inputs)))
    return SiteBatch(inputs, gradients, torch.ones(len(inputs), dtype=torch.bool), index, keys)


@pytest.mark.parametrize("kind", ["weight", "delta"])
@pytest.mark.parametrize("seed", range(8))
def test_masking_the_top_entry_makes_refusals_likelier(seed, kind):
    """The sign is right: without the best entry refusals cost less, without the worst more.

    First-order scores hold for small steps, so a twentieth of the subject is taken away.
    """
    weight, inputs, answers = linear_model(seed)
    reference = torch.zeros_like(weight) if kind == "weight" else torch.randn_like(weight)
    small = (weight - reference) / 20
    shown = view(weight, reference=weight - small, kind="delta")
    scorer = Contrast(ContrastOptions(mu=0.0, lambda_=0.0, eta=0.0), kind)
    batches = {name: as_batch(weight, inputs[name], answers[name]) for name in SETS}
    scores = scorer.score(shown, statistics_of(scorer, batches))

    def after(entry):
        changed = weight.clone()
        changed.view(-1)[entry] -= small.view(-1)[entry]
        return losses(changed, inputs["refusal"], answers["refusal"]).mean()

    before = losses(weight, inputs["refusal"], answers["refusal"]).mean()
    top, bottom = int(scores.argmax()), int(scores.argmin())
    assert scores.max() > 0 > scores.min()
    assert after(top) < before < after(bottom)
    # And by about as much as the score says.
    assert (before - after(top)).item() == pytest.approx(scores.max().item(), rel=0.25)


@pytest.mark.parametrize("seed", range(4))
def test_harmful_answers_become_unlikelier_by_eta(seed):
    weight, inputs, answers = linear_model(seed)
    shown = view(weight, reference=weight * 0.95, kind="delta")
    scorer = Contrast(ContrastOptions(mu=0.0, lambda_=0.0, eta=1.0), "delta")
    batches = {name: as_batch(weight, inputs[name], answers[name]) for name in SETS}
    batches["refusal"].output_gradients.zero_()
    top = int(scorer.score(shown, statistics_of(scorer, batches)).argmax())
    changed = weight.clone()
    changed.view(-1)[top] *= 0.95
    before = losses(weight, inputs["realign"], answers["realign"]).mean()
    assert losses(changed, inputs["realign"], answers["realign"]).mean() > before


@pytest.mark.parametrize("kind", ["weight", "delta", "factor"])
def test_it_is_eased_to_a_quarter_and_again_with_all_else_the_same(kind):
    scorers, scorer = [], Contrast(ContrastOptions(mu=0.5, eta=0.25, benign="log-odds"), kind)
    while scorer is not None:
        scorers.append(scorer)
        scorer = scorer.eased()
    batches = {name: problem(seed)[0] for seed, name in enumerate(SETS)}
    subject = problem()[1]
    for by_hand, eased in zip((1, 1 / 4, 1 / 16), scorers, strict=True):
        options = ContrastOptions(mu=0.5, eta=0.25, benign="log-odds", lambda_=by_hand)
        expected = Contrast(options, kind)
        assert (eased.needs, eased.losses, eased.known) == (
            expected.needs,
            expected.losses,
            expected.known,
        )
        found = statistics_of(eased, batches)
        seen = view(subject, kind=kind)
        assert torch.equal(eased.score(seen, found), expected.score(seen, found))
    assert Contrast(ContrastOptions(lambda_=0.0), kind).eased() is None
