"""In every layout, a pass shows bit for bit what a plain forward and backward shows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from modelrepair.engine.passes.capture import check_first_batch, model_inputs
from modelrepair.engine.passes.passes import Work, collect
from modelrepair.engine.passes.statistics import SetBatches
from modelrepair.engine.sites import find_sites
from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.plan import plan_model as plan
from modelrepair.progress import Progress
from modelrepair.source.resolve import resolve
from tests.support import tiny
from tests.support.opened_models import CPU, batches, opened
from tests.support.plain_run import as_batch, experts_of, plain_run

ACCUMULATORS = (
    InputNorms(),
    InputNorms(tokens="answer", norm="mean"),
    Gradients(),
    ExampleGradients(),
)
LAYOUTS = [kind for kind in tiny.ARCHITECTURES if kind not in tiny.DENSE]


def swept(one, sites, groups, folder):
    """Every site's statistics, by its name."""
    folder.mkdir()
    found = {}
    collect(
        Work(one.skeleton, one.weights.read, groups, folder),
        sites,
        lambda _, given: found.update({site.name: each for site, each in given}),
        Progress(),
    )
    return found


def check_planned(folder, sites):
    """A plan counts the coverage as the repair does, from names and shapes alone."""
    planned = plan(resolve(folder), Demand())
    assert planned.coverage == sites.coverage
    assert planned.skipped.keys() == {name.partition("#")[0] for name in sites.skipped}


@pytest.mark.parametrize("kind", tiny.DENSE)
def test_a_plan_counts_the_coverage_of_a_dense_model_as_a_repair_does(kind, tmp_path):
    one = opened(tmp_path / "model", tiny.model(kind))
    check_planned(tmp_path / "model", find_sites(one.skeleton, list(one.checkpoint.entries)))


@pytest.mark.quick(*tiny.QUICK)
@pytest.mark.parametrize("kind", LAYOUTS)
def test_statistics_equal_a_plain_run_to_the_last_bit(kind, tmp_path):
    plain = tiny.model(kind)
    plain.set_experts_implementation("eager")
    one = opened(tmp_path / "model", plain)
    assert one.shared is None
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    assert sites.coverage >= 0.95
    check_planned(tmp_path / "model", sites)
    group = SetBatches("realign", batches(9), ACCUMULATORS)
    check_first_batch(one.skeleton, model_inputs(group.batches[0], CPU), one.weights.read)
    found = swept(one, sites, [group], tmp_path / "work")

    expected: dict = {}
    routed: dict[str, int] = {}
    summed: dict[str, torch.Tensor] = {}
    for batch in group.batches:
        # As in a pass, no weight asks for a gradient: torch takes another way through some
        # products (Mamba's) where one does, and rounds apart.
        plain.requires_grad_(False)
        plain.get_input_embeddings().requires_grad_(True)
        shown = plain_run(plain, one.skeleton.prefix, sites.chosen, batch)
        plain.requires_grad_(True)
        plain_run(plain, one.skeleton.prefix, sites.chosen, batch)
        for site in sites.chosen:
            view = as_batch(shown[site.name], batch)
            routed[site.name] = routed.get(site.name, 0) + len(view.inputs)
            for accumulator in ACCUMULATORS:
                state = expected.setdefault(site.name, {}).setdefault(accumulator, {})
                for key, value in accumulator.contribution(site.info, view).items():
                    state[key] = state.get(key, 0) + value.double()
        for name, parameter in plain.named_parameters():
            if parameter.grad is not None:
                summed[name] = summed.get(name, 0) + parameter.grad.double()
    for site in sites.chosen:
        for accumulator in ACCUMULATORS:
            state = found[site.name]["realign", accumulator]
            for key, value in expected[site.name][accumulator].items():
                assert torch.equal(state[key], value), (site.name, accumulator, key)
        if site.part is not None:
            assert found[site.name].routed == {"realign": routed[site.name]}
        else:
            assert routed[site.name] == group.tokens
            assert not found[site.name].routed

    # Autograd sums over the padding, too, and over gate and up at once, so float32 rounds apart.
    experts = experts_of(plain, one.skeleton.prefix)
    for site in sites.chosen:
        module = f"{one.skeleton.prefix}.{site.info.block}.{site.module}"
        gradient = found[site.name]["realign", Gradients()]["sum"]
        own = whole_gradient(summed, plain, experts, module, site)
        assert gradient.abs().max() > 0 or not routed[site.name]
        assert torch.allclose(gradient, own, rtol=1e-4, atol=1e-6 * own.abs().max().item()), site


PROJECTIONS = {
    "llama": ["q_proj", "o_proj", "gate_proj", "down_proj"],
    "mixtral": ["q_proj", "o_proj", *["gate"] * 4, *["down"] * 4],
    "phi": ["q_proj", "dense", "fc2"],
}
"""Which projections of a block are asked; k and v, up, and Phi's fc1 see what another one saw."""


@pytest.mark.parametrize("kind", PROJECTIONS)
def test_inputs_that_several_projections_share_are_reduced_once(kind, tmp_path):
    one = opened(tmp_path / "model", tiny.model(kind))
    sites = find_sites(one.skeleton, list(one.checkpoint.entries))
    parts = {site.name: site.part for site in sites.chosen}
    asked: list[str] = []

    @dataclass(frozen=True)
    class Counted(InputNorms):
        def contribution(self, site, batch):
            part = parts[site.name]
            asked.append(site.name.split(".")[-2] if part is None else part.projection)
            return super().contribution(site, batch)

    group = SetBatches("realign", batches(9, budget=1000), (Counted(),))
    assert len(group.batches) == 1
    found = swept(one, sites, [group], tmp_path / "work")
    assert all(each.routed.get("realign", 1) for each in found.values())
    assert asked == PROJECTIONS[kind] * 3


def whole_gradient(summed, plain, experts, module, site):
    """A site's part of the gradient that autograd gives the whole parameter, ``[out, in]``."""
    if site.part is None:
        gradient = summed[f"{module}.weight"]
        return gradient.T if site.info.kind == "conv1d" else gradient
    own = experts[module]
    first = "gate_up_proj" if own.has_gate else "up_proj"
    leaf = "down_proj" if site.part.projection == "down" else first
    gradient = summed[f"{module}.{leaf}"][site.part.expert]
    gradient = gradient.T if own.is_transposed else gradient
    if leaf == "gate_up_proj":
        number = ("gate", "up").index(site.part.projection)
        return gradient.chunk(2)[number] if own.is_concatenated else gradient[number::2]
    return gradient
