"""The rivals that choose entries, against restatements of what was published."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from modelrepair import UsageError, load_manifest, repair
from modelrepair import demo_paths as paths
from modelrepair.checkpoint.mask import open_mask
from modelrepair.plugin.registry import load_registry, make_scorer
from modelrepair.search.selection import Spilled, select, spill
from modelrepair_rivals.chance import Random, random_score
from modelrepair_rivals.difference import SnipDifference, WandaDifference, difference_score
from modelrepair_rivals.options import DifferenceOptions, RandomOptions
from tests.support.linear_model import problem, statistics_of, view


def published_set(harm, utility, p, q):
    """The published code: two top-k lists of flat indices, and what is in one of them alone."""
    top_p = torch.topk(utility.flatten(), int(p * utility.numel()))[1]
    top_q = torch.topk(harm.flatten(), round(q * harm.numel()))[1]
    mask = torch.zeros(harm.numel(), dtype=torch.bool)
    for index in top_q.tolist():
        mask[index] = index not in set(top_p.tolist())
    return mask.reshape(harm.shape).numpy()


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("q", [0.02, 0.1, 0.6])
def test_the_mask_is_the_published_set_and_smaller_than_asked(tmp_path, p, q):
    generator = torch.Generator().manual_seed(3)
    utility = torch.rand(12, 20, generator=generator)
    harm = 0.5 * utility + 0.5 * torch.rand(12, 20, generator=generator)
    with (tmp_path / "w.scores").open("wb") as file:
        spill(file, difference_score(harm, utility, p).numpy())
    site = Spilled(tmp_path / "w.scores", 0, (12, 20))
    (found,) = select([site], "tensor", q, signed=True, refill=False)
    np.testing.assert_array_equal(found, published_set(harm, utility, p, q))
    assert found.sum() <= round(q * harm.numel())
    if p and q > 0.02:
        assert found.sum() < round(q * harm.numel())


def test_wanda_of_the_answers_tokens():
    benign, subject = problem(1)
    harmful, _ = problem(2)
    scorer = WandaDifference(DifferenceOptions(p=0.25), "weight")
    scores = scorer.score(
        view(subject), statistics_of(scorer, {"realign": harmful, "utility": benign})
    )

    def wanda(batch):
        answers = batch.inputs[batch.answer_mask].double()
        norm = (answers.square().sum(dim=0) / len(batch.examples)).sqrt()
        return subject.abs().double() * norm

    spared = torch.topk(wanda(benign).flatten(), 3)[1]
    expected = wanda(harmful).flatten()
    expected[spared] *= -1
    assert torch.allclose(scores.flatten().double(), expected, rtol=1e-5)


def test_snip_of_single_examples():
    benign, subject = problem(1)
    harmful, _ = problem(2)
    scorer = SnipDifference(DifferenceOptions(p=0.25), "weight")
    scores = scorer.score(
        view(subject), statistics_of(scorer, {"realign": harmful, "utility": benign})
    )

    def snip(batch):
        total = torch.zeros_like(subject)
        for example in range(len(batch.examples)):
            rows = batch.example_index == example
            total += (subject * (batch.output_gradients[rows].T @ batch.inputs[rows])).abs()
        return total / len(batch.examples)

    spared = torch.topk(snip(benign).flatten(), 3)[1]
    expected = snip(harmful).flatten()
    expected[spared] *= -1
    assert torch.allclose(scores.flatten(), expected, rtol=1e-4)


def test_a_share_that_leaves_nothing_is_refused():
    for name in ("wei-wanda", "wei-snip"):
        with pytest.raises(UsageError, match=r"options of wei-\w+: p is 1.0, expected a share"):
            make_scorer(load_registry().scorer(name), {"p": "1"}, "weight")


def test_chance_depends_on_seed_and_site_alone():
    _, subject = problem()
    first = Random(RandomOptions(seed=7), "weight").score(view(subject), None)
    torch.rand(1000)  # draws by other code
    assert torch.equal(first, Random(RandomOptions(seed=7), "delta").score(view(subject), None))
    assert not torch.equal(
        first, Random(RandomOptions(seed=8), "weight").score(view(subject), None)
    )
    large = random_score("w", (300, 300), 0)
    assert large.min() >= 0 and large.max() < 1
    assert abs(large.mean() - 0.5) < 0.01 and abs(large.var() - 1 / 12) < 0.01


def masks_of(folder):
    manifest = load_manifest(folder)
    opened = open_mask(folder / "repair" / "mask.safetensors")
    return {
        site.name: opened.positions(site.name, site.entries)
        for site in manifest.sites
        if site.name in opened.names
    }, manifest


@pytest.mark.quick("wei-wanda-*")
@pytest.mark.parametrize(
    ("scorer", "options"),
    [("random", {"seed": 5}), ("wei-wanda", {"p": 0.1}), ("wei-snip", {"p": 0.1})],
)
def test_each_masks_the_demo_s_model(tmp_path, scorer, options):
    report = repair(
        paths.attacked,
        reference=paths.reference,
        scorer=scorer,
        scorer_options=options,
        ratio=0.05,
        examples=16,
        evaluate=False,
        judge="demo-world",
        out=tmp_path / "out",
        **{role: paths.sets[role] for role in ("realign", "refusal", "utility", "borderline")},
    )
    masks, manifest = masks_of(report.out)
    assert manifest.scorer.distribution == "modelrepair-rivals"
    assert set(masks) == {site.name for site in manifest.sites if site.masked}
    asked = {site.name: round(0.05 * site.entries) for site in manifest.sites}
    got = {site.name: site.masked for site in manifest.sites}
    if scorer == "random":
        assert got == asked
        site = manifest.sites[0]
        key = hashlib.sha256(f"5 {site.name}".encode()).digest()
        torch.manual_seed(int.from_bytes(key[:8], "little") >> 1)
        drawn = torch.rand(site.shape).flatten()
        # Entries that the attack left alone can't be masked: the lots of the others decide.
        assert drawn[masks[site.name]].min() > drawn.quantile(0.9)
    else:
        assert all(got[name] <= asked[name] for name in asked)
        assert sum(got.values()) < sum(asked.values())


def test_they_are_listed_as_this_package_s():
    found = {item.spec.name: item for item in load_registry().scorers()}
    for name in ("random", "wei-wanda", "wei-snip"):
        assert found[name].distribution == "modelrepair-rivals"
