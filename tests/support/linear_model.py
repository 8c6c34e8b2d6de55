"""A small linear model whose statistics are known, for the tests of the formulas."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from modelrepair.engine.passes.statistics import SiteStatistics
from modelrepair.plugin.scorer import SiteBatch, SiteInfo, SiteView

INFO = SiteInfo("layer.weight", "linear", 0, (3, 4))
LENGTHS = (4, 2, 6)


def problem(seed: int = 0, lengths: tuple[int, ...] = LENGTHS) -> tuple[SiteBatch, torch.Tensor]:
    """Examples of these many tokens, the second half their answer, and a subject."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.tensor([e for e, length in enumerate(lengths) for _ in range(length)])
    answer = torch.tensor([t >= length // 2 for length in lengths for t in range(length)])
    inputs = torch.randn(len(index), 4, generator=generator)
    gradients = torch.randn(len(index), 3, generator=generator)
    keys = tuple(f"{seed}-{example}" for example in range(len(lengths)))
    batch = SiteBatch(inputs, gradients, answer, index, keys)
    return batch, torch.randn(3, 4, generator=torch.Generator().manual_seed(99))


def view(subject, *, reference=None, kind: str = "weight") -> SiteView:
    """A site as the host shows it; with a reference, ``subject`` is the weight."""
    if reference is None:
        return SiteView(INFO, subject, subject, None, kind)
    return SiteView(INFO, subject - reference, subject, reference, kind)


class _Counted:
    def __init__(self, examples: int, tokens: int) -> None:
        self.examples, self.tokens = examples, tokens


def statistics_of(scorer, batches: Mapping[str, SiteBatch]) -> SiteStatistics:
    """What the host would hand over: one batch a set, summed in float64."""
    states = {
        (name, accumulator): {
            key: value.double() for key, value in accumulator.contribution(INFO, batch).items()
        }
        for name, batch in batches.items()
        for accumulator in scorer.needs.get(name, ())
    }
    counted = {name: _Counted(len(b.examples), len(b.inputs)) for name, b in batches.items()}
    return SiteStatistics(states, counted)


def own_gradients(batch, weight):
    """∂/∂W of Σ_tokens ⟨G, W·x⟩ for each example: what a backward pass leaves at the weight."""
    found = []
    for example in range(len(batch.examples)):
        rows = batch.example_index == example
        leaf = weight.clone().requires_grad_(True)
        ((batch.inputs[rows] @ leaf.T) * batch.output_gradients[rows]).sum().backward()
        found.append(leaf.grad)
    return found
