"""What a site sees of one batch: inputs, gradients of outputs, and nothing after the watch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelrepair.engine.layout.experts import ExpertPart, matrix
from modelrepair.engine.layout.places import whole
from modelrepair.engine.passes.hooks import watch
from modelrepair.engine.sites import Site
from modelrepair.errors import UnsupportedModelError
from modelrepair.plugin.scorer import SiteInfo
from tests.support.opened_models import linear_site as site


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(4, 4)

    def forward(self, values):
        return self.proj(self.proj(values))


def test_a_module_used_twice_is_refused_by_name():
    block = Twice()
    with (
        watch(block, (site(rows=4),)),
        pytest.raises(UnsupportedModelError, match="proj is used twice"),
    ):
        block(torch.zeros(1, 2, 4))


def test_hooks_are_gone_after_the_watch():
    block = nn.Sequential(nn.Linear(4, 3))
    inputs = torch.randn(2, 4, requires_grad=True)
    with watch(block, (site("0"),)) as seen:
        block(inputs).sum().backward()
    assert torch.equal(seen["0"].inputs, inputs)
    assert torch.equal(seen["0"].output_gradients, torch.ones(2, 3))
    assert not block[0]._forward_hooks
    block(inputs)
    assert len(seen) == 1


class Experts(nn.Module):
    """Three experts with whole numbers, so that no order of a sum changes a bit."""

    num_experts = 3
    has_gate = is_concatenated = True
    has_bias = is_transposed = False

    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        for name, shape in (("gate_up_proj", (3, 8, 4)), ("down_proj", (3, 4, 4))):
            values = torch.randint(-2, 3, shape, generator=draw).float()
            setattr(self, name, nn.Parameter(values))

    def _apply_gate(self, first):
        gate, up = first.chunk(2, dim=-1)
        return gate.relu() * up

    def forward(self, hidden, index, weights):
        """Token by token, as no library would."""
        rows = []
        for token, chosen, shares in zip(hidden, index, weights, strict=True):
            outputs = [
                share * (self.down_proj[e] @ self._apply_gate(self.gate_up_proj[e] @ token))
                for e, share in zip(chosen, shares, strict=True)
            ]
            rows.append(sum(outputs))
        return torch.stack(rows)


class Routing(nn.Module):
    """A linear layer, then experts."""

    def __init__(self, experts=Experts):
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.first.weight.data = torch.eye(4)
        self.experts = experts()

    def forward(self, hidden, index):
        return self.experts(self.first(hidden), index, torch.full(index.shape, 0.5))


HIDDEN = torch.randint(-3, 4, (5, 4), generator=torch.Generator().manual_seed(1)).float()
CHOSEN = torch.tensor([[0, 2], [0, 2], [2, 0], [2, 0], [0, 2]])
UNUSED = 1
PARTS = tuple(
    Site(
        SiteInfo(f"experts.{expert}.{name}", "experts", 0, (4, 4)),
        "experts",
        whole(f"{expert}.{name}", (4, 4)),
        ExpertPart(expert, name),
    )
    for expert in range(3)
    for name in ("gate", "up", "down")
)


def test_hooks_are_gone_after_an_error_in_the_block():
    block = Routing()
    no_expert = torch.full_like(CHOSEN, 9)
    with pytest.raises(RuntimeError), watch(block, (site("first"), *PARTS)):
        block(HIDDEN, no_expert)
    assert not block.first._forward_hooks and not block.first._backward_hooks
    assert "forward" not in vars(block.experts)


def test_without_gradients_there_are_inputs_alone():
    block = Routing()
    with watch(block, (site("first"), *PARTS)) as seen, torch.no_grad():
        block(HIDDEN, CHOSEN)
    assert torch.equal(seen["first"].inputs, HIDDEN)
    reached = {name for name, each in seen.items() if each.output_gradients is not None}
    assert reached == {each.seen_as for each in PARTS if each.part.expert == UNUSED}


def test_inputs_and_output_gradients_make_the_gradient_of_each_matrix():
    """The law that every statistic rests on: ∂/∂W is the sum of outer products over tokens."""
    block = Routing()
    sites = (site("first", rows=4), *PARTS)
    with watch(block, sites, check=True) as seen:
        block(HIDDEN, CHOSEN).square().sum().backward()
    assert seen.keys() == {each.seen_as for each in sites}
    found = seen["first"].output_gradients.T @ seen["first"].inputs
    assert torch.equal(found, block.first.weight.grad)
    for each in PARTS:
        of, down = seen[each.seen_as], each.part.projection == "down"
        fused = block.experts.down_proj if down else block.experts.gate_up_proj
        expected = matrix(block.experts, each.part, fused.grad)
        assert torch.equal(of.output_gradients.T @ of.inputs, expected)


def test_experts_see_the_tokens_that_are_routed_to_them():
    block = Routing()
    with watch(block, PARTS) as seen:
        block(HIDDEN, torch.tensor([[0], [2], [2], [0], [2]]))
    for each in PARTS:
        of = seen[each.seen_as]
        assert of.tokens.tolist() == {0: [0, 3], 1: [], 2: [1, 2, 4]}[each.part.expert]
        if each.part.projection != "down":
            assert torch.equal(of.inputs, HIDDEN[of.tokens])
    unused = seen[f"experts#{UNUSED}.up"]
    assert unused.inputs.shape == unused.output_gradients.shape == (0, 4)


def test_only_the_experts_that_are_sites_are_kept():
    block = Routing()
    with watch(block, PARTS[:1]) as seen:
        watched = block(HIDDEN, CHOSEN)
    assert list(seen) == ["experts#0.gate"]
    assert torch.equal(watched, block(HIDDEN, CHOSEN))


class Odd(Experts):
    """Experts that say the same of themselves and add something."""

    def forward(self, hidden, index, weights):
        return super().forward(hidden, index, weights) + 1


def test_experts_that_compute_otherwise_are_refused_where_it_is_checked():
    block = Routing(Odd)
    with watch(block, PARTS):
        block(HIDDEN, CHOSEN)
    with (
        watch(block, PARTS, check=True),
        pytest.raises(UnsupportedModelError, match="Odd computes otherwise") as error,
    ):
        block(HIDDEN, CHOSEN)
    assert '--exclude "*.experts.*"' in error.value.hint
