"""Repairs by the weights alone, on tensors that hold transposed matrices or many experts."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modelrepair import demo_paths as paths
from modelrepair import repair, verify
from modelrepair_rivals.spectrum import unknown_noise
from tests.support.layout_repairs import save

GIVEN = {name: paths.sets[name] for name in ("realign", "refusal", "utility")}
SETS = {**GIVEN, "borderline": "none", "examples": 8}
OTHERS = {
    "resta": ({"drop": 0.3}, 0.5),
    "safe-merge": ({"threshold": 1.0}, 0.2),
    "csu-lora": ({"energy": 0.5}, 8.0),
}


def changed(source, folder, change):
    """A copy of a model whose matrices are changed."""
    shutil.copytree(source, folder)
    file = folder / "model.safetensors"
    tensors = {name: change(name, value) for name, value in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


def tuned(name, value):
    """Noise, and a spike that stands out of it, in every matrix of a tensor."""
    if value.ndim < 2:
        return value
    generator = torch.Generator().manual_seed(len(name))
    left = torch.randn((*value.shape[:-1], 1), generator=generator)
    right = torch.randn((*value.shape[:-2], 1, value.shape[-1]), generator=generator)
    return value + 1e-3 * (torch.randn(value.shape, generator=generator) + 2 * left * right)


def filtered(matrix):
    """What DG-Hard leaves of a change, in numpy: a transposed matrix gives the transposed."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = np.where(values > unknown_noise(matrix.shape) * np.median(values), values, 0)
    return (left * values) @ right


def matrices(name, tensor):
    """The matrices that a tensor of the file holds, as they lie there: columns are divided."""
    if "gate_up_proj" in name:
        return [half for each in tensor for half in (each[:, ::2], each[:, 1::2])]
    return list(tensor) if tensor.ndim == 3 else [tensor]


@pytest.mark.quick("gpt_oss")
@pytest.mark.parametrize("kind", ["gpt2", "mixtral", "gpt_oss"])
def test_every_matrix_of_a_tensor_is_filtered_by_itself(kind, tmp_path):
    reference = save(kind, tmp_path / "reference")
    source, out = changed(reference, tmp_path / "source", tuned), tmp_path / "out"
    repair(
        source, out=out, reference=reference, repairer="dg-hard", strength=1.0, evaluate=False,
        **SETS,
    )  # fmt: skip
    assert verify(out, source=source).ok
    old, base, new = (
        load_file(folder / "model.safetensors") for folder in (source, reference, out)
    )
    found = {name for name in new if not torch.equal(new[name], old[name])}
    assert found
    assert any(new[name].ndim == 3 for name in found) == (kind == "gpt_oss")
    for name in found:
        sides = [matrices(name, each[name].double().numpy()) for each in (old, base, new)]
        for before, known, after in zip(*sides, strict=True):
            np.testing.assert_allclose(after, known + filtered(before - known), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("kind", ["gpt2", "mixtral", "gpt_oss"])
def test_the_others_repair_every_layout(kind, name, tmp_path):
    reference = save(kind, tmp_path / "reference")
    source, out = changed(reference, tmp_path / "source", tuned), tmp_path / "out"
    other = changed(reference, tmp_path / "other", lambda _, value: 0.9 * value)
    options, strength = OTHERS[name]
    repair(
        source, out=out, reference=reference, repairer=name, strength=strength, evaluate=False,
        repairer_options={"unaligned": str(other), **options}, **SETS,
    )  # fmt: skip
    assert verify(out, source=source).ok
