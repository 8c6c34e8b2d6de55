"""Fused experts: each matrix is found where the module's attributes say that it is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelrepair.engine.layout.experts import ExpertPart, is_experts, matrix, parts


class Experts(nn.Module):
    """Two experts, three inputs, four hidden units."""

    num_experts = 2
    has_bias = False

    def __init__(self, *, gate: bool, transposed: bool = False, concatenated: bool = True) -> None:
        super().__init__()
        self.has_gate = gate
        self.is_transposed = transposed
        self.is_concatenated = concatenated
        rows, name = (8, "gate_up_proj") if gate else (4, "up_proj")
        first = torch.arange(2.0 * rows * 3).reshape(2, rows, 3)
        last = torch.arange(2.0 * 4 * 3).reshape(2, 3, 4)
        if transposed:
            first, last = first.mT.contiguous(), last.mT.contiguous()
        setattr(self, name, nn.Parameter(first))
        self.down_proj = nn.Parameter(last)


@pytest.mark.parametrize("gate", [True, False])
def test_every_matrix_of_every_expert_is_named(gate):
    module = Experts(gate=gate)
    assert is_experts(module)
    first = "gate_up_proj" if gate else "up_proj"
    found = [(str(part), parameter) for part, parameter in parts(module)]
    one = [("gate", first)] * gate + [("up", first), ("down", "down_proj")]
    assert found == [(f"{expert}.{name}", leaf) for expert in (0, 1) for name, leaf in one]


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("concatenated", [True, False])
def test_gate_and_up_are_cut_where_the_module_says(transposed, concatenated):
    module = Experts(gate=True, transposed=transposed, concatenated=concatenated)
    plain = torch.arange(2.0 * 8 * 3).reshape(2, 8, 3)[1]
    expected = (
        {"gate": plain[:4], "up": plain[4:]}
        if concatenated
        else {"gate": plain[::2], "up": plain[1::2]}
    )
    for name, values in expected.items():
        found = matrix(module, ExpertPart(1, name), module.gate_up_proj)
        assert torch.equal(found, values)
        assert (
            found.untyped_storage().data_ptr() == module.gate_up_proj.untyped_storage().data_ptr()
        )
    assert matrix(module, ExpertPart(0, "down"), module.down_proj).shape == (3, 4)


def test_a_module_that_lacks_an_attribute_or_a_parameter_holds_no_experts():
    assert not is_experts(nn.Linear(2, 2))
    module = Experts(gate=True)
    del module.down_proj
    assert not is_experts(module)
