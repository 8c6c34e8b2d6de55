"""The rivals that give matrices new values, against restatements of what was published."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from modelrepair import UsageError, load_manifest, repair, verify
from modelrepair import demo_paths as paths
from modelrepair.engine.passes.loss import batch_losses
from modelrepair.examples.batches import padded
from modelrepair.plugin import EditView, SiteInfo, TokenizedExample, TrainingContext
from modelrepair.plugin.registry import load_registry, make_repairer
from modelrepair_rivals.compensation import (
    SafeDelta,
    compensated,
    inverse_factor,
    kept_changes,
)
from modelrepair_rivals.grams import InputGram
from modelrepair_rivals.options import DeltaOptions, ProjectionOptions, RealignOptions
from modelrepair_rivals.projection import (
    SafeLora,
    cosine,
    orthonormal_projection,
    published_projection,
)
from modelrepair_rivals.realignment import Realign, in_turns
from modelrepair_rivals.scaling import WiseFt, scaled_delta
from tests.support.linear_model import INFO, problem, statistics_of

SETS = {role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")}


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def view(weight, reference, **models) -> EditView:
    return EditView(SiteInfo("w", "linear", 0, tuple(weight.shape)), weight, reference, models)


def test_scaling_goes_from_the_source_to_the_reference():
    weight, reference = random(3, 4), random(3, 4, seed=1)
    assert torch.equal(scaled_delta(weight, reference, 0.0), reference)
    assert torch.allclose(scaled_delta(weight, reference, 1.0), weight)
    found = scaled_delta(weight, reference, 0.3)
    for i, j in itertools.product(range(3), range(4)):
        assert math.isclose(found[i, j], 0.7 * reference[i, j] + 0.3 * weight[i, j], abs_tol=1e-6)
    assert list(WiseFt.strengths) == sorted(WiseFt.strengths, reverse=True)
    assert WiseFt.strengths[-1] == 0


def test_the_published_projector_is_v_v_transposed_over_its_norm():
    alignment, delta = random(5, 7).double(), random(5, 7, seed=1).double()
    size = math.sqrt(sum(float(x) ** 2 for x in alignment.flatten()))
    matrix = np.array([[float(a @ b) / size for b in alignment] for a in alignment])
    expected = matrix @ delta.numpy()
    np.testing.assert_allclose(published_projection(alignment, delta), expected, rtol=1e-10)


def test_the_orthonormal_projector_is_one():
    alignment = random(6, 2).double() @ random(2, 9, seed=1).double()  # of rank 2
    delta = random(6, 9, seed=2).double()
    once = orthonormal_projection(alignment, delta, 1 - 1e-9)
    assert torch.allclose(orthonormal_projection(alignment, once, 1 - 1e-9), once)
    assert torch.allclose(orthonormal_projection(alignment, alignment, 1 - 1e-9), alignment)
    assert torch.allclose(alignment.T @ (delta - once), torch.zeros(9, 9).double(), atol=1e-12)
    solved = torch.linalg.lstsq(alignment, delta, driver="gelsd").solution
    assert torch.allclose(alignment @ solved, once)


def test_the_projector_takes_as_few_directions_as_carry_the_energy():
    alignment = torch.diag(torch.tensor([4.0, 2.0, 1.0])).double()
    delta = torch.ones(3, 1).double()
    for energy, kept in ((0.5, 1), (16 / 21, 1), (0.8, 2), (20 / 21, 2), (0.96, 3), (1.0, 3)):
        found = orthonormal_projection(alignment, delta, energy)
        assert torch.allclose(found, (torch.arange(3) < kept).double().reshape(3, 1)), energy


@pytest.mark.parametrize("projector", ["published", "orthonormal"])
def test_safe_lora_projects_where_the_cosine_is_at_most_the_threshold(projector):
    reference, unaligned = random(6, 9), random(6, 9) - 0.3 * random(6, 2, seed=3) @ random(2, 9)
    weight = reference + 0.1 * random(6, 9, seed=5)
    repairer = SafeLora(ProjectionOptions("org/base", projector))
    alignment, delta = (reference - unaligned).double(), (weight - reference).double()
    projected = published_projection(alignment, delta)
    if projector == "orthonormal":
        projected = orthonormal_projection(alignment, delta, 0.95)
    flat = torch.nn.functional.cosine_similarity(projected.flatten(), delta.flatten(), dim=0)
    assert math.isclose(cosine(projected, delta), float(flat), rel_tol=1e-9)
    seen = view(weight, reference, unaligned=unaligned)
    kept = repairer.edit(seen, None, float(flat) - 1e-6)
    assert torch.equal(kept, weight)
    changed = repairer.edit(seen, None, float(flat) + 1e-6)
    assert torch.allclose(changed.double(), reference.double() + projected, atol=1e-6)
    assert not torch.equal(changed, weight)


def test_safe_lora_leaves_what_alignment_or_tuning_did_not_touch():
    repairer = SafeLora(ProjectionOptions("org/base"))
    weight, reference = random(3, 4), random(3, 4, seed=1)
    assert repairer.edit(view(weight, reference, unaligned=reference), None, 1.0) is weight
    assert repairer.edit(view(weight, weight, unaligned=reference), None, 1.0) is weight


def gram_of(inputs: torch.Tensor) -> torch.Tensor:
    return sum((row.outer(row) for row in inputs), torch.zeros(inputs.shape[1], inputs.shape[1]))


def test_the_gram_matrix_is_a_sum_over_tokens():
    batch, _ = problem()
    found = InputGram().contribution(INFO, batch)["sum"]
    assert torch.allclose(found, gram_of(batch.inputs), atol=1e-5)
    answers = InputGram(tokens="answer").contribution(INFO, batch)["sum"]
    assert torch.allclose(answers, gram_of(batch.inputs[batch.answer_mask]), atol=1e-5)
    assert InputGram().nbytes(INFO) == 8 * 4 * 4


def test_the_factor_gives_the_damped_inverse_and_dead_channels_cost_nothing():
    inputs = random(30, 5).double()
    inputs[:, 2] = 0
    gram = inputs.T @ inputs
    factor = inverse_factor(gram, 0.01)
    damped = gram.clone()
    damped[2, 2] = 1
    damped += 0.01 * damped.diagonal().mean() * torch.eye(5)
    assert torch.allclose(factor.T @ factor, torch.linalg.inv(damped))
    assert torch.equal(factor, factor.triu())
    assert gram[2, 2] == 0  # the statistics are not written to


def published_selection(delta, factor, budget, spared):
    """One entry after the other, cheapest channels first, while the running sum fits."""
    rows, columns = delta.shape
    price = [1 / float(factor[j, j]) ** 2 for j in range(columns)]
    order = sorted(itertools.product(range(rows), range(columns)), key=lambda ij: price[ij[1]])
    order = order[: len(order) - int(spared * len(order))]
    kept, spent = torch.zeros(rows, columns, dtype=torch.bool), 0.0
    for i, j in order:
        spent += float(delta[i, j]) ** 2 * price[j]
        kept[i, j] = spent <= budget
    return kept


@pytest.mark.parametrize("spared", [0.0, 0.15, 0.5])
@pytest.mark.parametrize("budget", [0.0, 1.0, 30.0, 1e9])
def test_changes_are_kept_cheapest_first_until_the_budget_is_spent(budget, spared):
    inputs, delta = random(40, 6).double(), random(4, 6, seed=1).double()
    factor = inverse_factor(inputs.T @ inputs, 0.01)
    found = kept_changes(delta, factor, budget, spared)
    assert torch.equal(found, published_selection(delta, factor, budget, spared))
    if budget == 1e9:
        assert found.sum() == 24 - int(24 * spared)
    if budget == 0.0:
        assert not found.any()


def test_compensation_is_the_least_squares_answer_of_the_later_columns(monkeypatch):
    """Optimal brain surgeon, column by column: what follows minimises the outputs' change."""
    inputs = random(50, 7).double()
    aligned, tuned = random(3, 7, seed=1).double(), random(3, 7, seed=2).double()
    kept = torch.rand(3, 7, generator=torch.Generator().manual_seed(3)) < 0.4
    factor = inverse_factor(inputs.T @ inputs, 1e-12)
    expected = aligned.clone()
    for j in range(7):
        before = expected[:, j].clone()
        expected[:, j] = torch.where(kept[:, j], tuned[:, j], before)
        change = (expected[:, j] - before).outer(inputs[:, j])  # [out, tokens]
        later = inputs[:, j + 1 :]
        if j < 6:
            expected[:, j + 1 :] -= torch.linalg.lstsq(later, change.T).solution.T
    found = compensated(aligned, tuned, kept, factor)
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.equal(found[kept], tuned[kept])
    for block in (1, 3):
        monkeypatch.setattr("modelrepair_rivals.compensation.BLOCK", block)
        assert torch.allclose(compensated(aligned, tuned, kept, factor), found, atol=1e-10)


def test_safe_delta_ends_at_the_reference_and_begins_near_the_source():
    batch, weight = problem()
    reference = weight + 0.1 * random(3, 4, seed=8)
    repairer = SafeDelta(DeltaOptions(spared=0.0))
    statistics = statistics_of(repairer, {"refusal": batch})
    seen = EditView(INFO, weight, reference, {})
    assert torch.allclose(repairer.edit(seen, statistics, 0.0), reference)
    assert torch.allclose(repairer.edit(seen, statistics, 1e12), weight)
    plain = SafeDelta(DeltaOptions(spared=0.0, compensate=False))
    middle = plain.edit(seen, statistics, 1e5)
    ones = (middle == weight) | (middle == reference)
    assert ones.all() and (middle == weight).any() and (middle == reference).any()


def test_everything_is_seen_once_before_anything_twice():
    turns = in_turns(range(10), 4, torch.Generator().manual_seed(1))
    drawn = list(itertools.chain.from_iterable(next(turns) for _ in range(5)))
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))
    assert drawn[:10] != drawn[10:]


def test_realignment_is_adamw_on_both_losses():
    """One step of AdamW from zero moments: every parameter goes by −rate·sign(gradient)."""
    torch.manual_seed(0)
    model = Toy()
    before = model.table.detach().clone()
    sets = {
        name: tuple(TokenizedExample((a, b, c), 1, f"{name} {a}{b}{c}") for a, b, c in rows)
        for name, rows in {"refusal": [(1, 2, 3)], "utility": [(4, 5, 6)]}.items()
    }
    cpu = torch.device("cpu")
    context = TrainingContext(
        model=model,
        sets=sets,
        batch=lambda rows: padded(rows, 0),
        losses=lambda batch: batch_losses(model, batch, cpu),
        device=cpu,
        seed=0,
    )
    steps = Realign(RealignOptions(rate=0.01, steps=3, every=2, batch=1)).train(context)
    gradient = torch.zeros_like(before)
    for a, b, c in ((1, 2, 3), (4, 5, 6)):
        for seen, next_one in ((a, b), (b, c)):
            chances = before[seen].softmax(dim=0)
            gradient[seen] += (chances - torch.nn.functional.one_hot(torch.tensor(next_one), 8)) / 2
    assert next(steps) == 2
    moved = before - model.table.detach()
    touched = gradient != 0
    assert torch.equal(moved[touched].sign(), gradient[touched].sign())
    assert moved[touched].abs().max() <= 0.0201 and not moved[~touched].any()
    assert list(steps) == [3]


class Toy(torch.nn.Module):
    """The next token's logits are a row of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(8, 8))

    def forward(self, input_ids, attention_mask, use_cache):
        return type("Output", (), {"logits": self.table[input_ids]})


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("safe-lora", {}, "safe-lora needs the option 'unaligned'"),
        ("safe-lora", {"unaligned": "a/b", "projector": "none"}, "expected published|orthonormal"),
        ("safe-lora", {"unaligned": "a/b", "energy": 0}, "expected a share above 0"),
        ("resta", {}, "resta needs the option 'unaligned'"),
        ("resta", {"unaligned": "a/b", "drop": 1}, "drop is 1.0, expected a share from 0 to below"),
        ("safe-merge", {"unaligned": "a/b", "threshold": 0}, "expected a cosine above 0"),
        ("csu-lora", {"unaligned": "a/b", "energy": 1.5}, "expected a share above 0"),
        ("dg-hard", {"scale": 1}, "dg-hard has no option 'scale'"),
        ("one-shot", {"rate": 0}, "rate is 0.0, expected more than 0"),
        ("safe-delta", {"spared": 1}, "expected a share from 0"),
        ("safe-delta", {"damping": 0}, "expected more than 0"),
        ("realign", {"every": 0}, "every is 0, expected 1 or more"),
        ("realign", {"rate": -1}, "rate is -1"),
        ("restore-direction", {"batch": 0}, "batch is 0, expected 1 or more"),
        ("somf", {"variant": "none"}, "expected paper|code"),
        ("somf", {"batches": 0}, "batches is 0, expected 1 or more"),
        ("somf", {"beta": 0}, "beta is 0.0, expected more than 0"),
        ("direction-align", {"depth": 0}, "depth is 0.0, expected a share above 0"),
        ("direction-align", {"rollback": 2}, "rollback is 2.0, expected a share from 0 to 1"),
        ("direction-align", {"warmup": 20}, "warmup is 20, expected fewer steps than 20"),
        ("direction-align", {"every": 0}, "every is 0, expected 1 or more"),
    ],
)
def test_options_that_can_t_be_meant(name, options, line):
    with pytest.raises(UsageError) as caught:
        make_repairer(load_registry().repairer(name), options)
    assert line in f"{caught.value} {caught.value.hint}"


RIVALS = {
    "wise-ft": ({}, 0.5),
    "safe-lora": ({"unaligned": str(paths.attacked)}, 1.0),
    "resta": ({"unaligned": str(paths.attacked), "drop": 0.3}, 0.5),
    "safe-merge": ({"unaligned": str(paths.attacked), "threshold": 1.0}, 0.2),
    "dg-hard": ({}, 1.0),
    "csu-lora": ({"unaligned": str(paths.attacked), "energy": 0.5}, 8.0),
    "one-shot": ({"rate": 1e-3, "candidates": 8}, 2),
    "safe-delta": ({}, 3.0),
    "realign": ({"steps": 2, "every": 1}, 2),
    "restore-direction": ({"steps": 2, "every": 1}, 2),
    "somf": ({"steps": 2, "every": 1}, 2),
    "direction-align": ({"steps": 2, "every": 1, "warmup": 1}, 2),
}


@pytest.mark.quick("realign")
@pytest.mark.parametrize("name", RIVALS)
def test_each_repairs_the_demo_s_model_at_a_strength(tmp_path, name):
    options, strength = RIVALS[name]
    report = repair(
        paths.attacked,
        reference=paths.reference,
        repairer=name,
        repairer_options=options,
        strength=strength,
        examples=16,
        evaluate=False,
        judge="demo-world",
        out=tmp_path / "out",
        **SETS,
    )
    manifest = load_manifest(report.out)
    assert manifest.repairer.distribution == "modelrepair-rivals"
    assert (manifest.edit, manifest.repairer.strength) == ("dense", strength)
    assert manifest.masked_share > 0
    assert verify(report.out, source=paths.attacked).ok


@pytest.mark.slow
@pytest.mark.parametrize("name", RIVALS)
def test_each_is_searched_measured_and_proven(tmp_path, name):
    options, _ = RIVALS[name]
    if name in ("realign", "restore-direction", "somf"):
        options = {"steps": 40}
    report = repair(
        paths.attacked,
        reference=paths.reference,
        repairer=name,
        repairer_options=options,
        judge="demo-world",
        out=tmp_path / "out",
        **paths.sets,
    )
    assert report.gate is not None and report.manifest.search
    assert sum(candidate.chosen for candidate in report.manifest.search) == 1
    assert verify(report.out, source=paths.attacked).ok
