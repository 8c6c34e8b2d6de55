"""The matrices of the kit are read as a repair reads them."""

from __future__ import annotations

import torch
from safetensors.torch import load_file

from modelrepair.testing.matrices import make_matrices


def test_layouts(tmp_path):
    matrices = make_matrices(tmp_path)
    stored = load_file(tmp_path / "a" / "model.safetensors")
    aligned = load_file(tmp_path / "b" / "model.safetensors")
    linear = stored["blocks.0.proj.weight"]
    assert torch.equal(matrices["weight"][0].view().subject, linear)
    delta = matrices["delta"][0].view()
    assert torch.equal(delta.subject, linear - aligned["blocks.0.proj.weight"])
    assert torch.equal(matrices["conv1d"][0].view().subject, stored["blocks.0.conv1d.weight"].T)
    fused = stored["blocks.0.experts.gate_up_proj"]
    for number, matrix in enumerate(matrices["expert"]):
        assert torch.equal(matrix.view().subject, fused[number, :5])
    first, second = (matrix.site.place for matrix in matrices["tied"])
    assert first == second
    assert matrices["factor"][0].view().subject_kind == "factor"
