"""Repairs of files in every float: the dtype stays, and every bit outside the mask."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modelrepair import verify
from modelrepair.checkpoint.bits import from_float32, to_float32
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths

NAMES = {torch.float16: "F16", torch.float32: "F32", torch.float64: "F64"}


@pytest.mark.quick("weight-dtype0", "delta-dtype1")
@pytest.mark.parametrize("dtype", list(NAMES))
@pytest.mark.parametrize("reference", [None, paths.reference], ids=["weight", "delta"])
def test_a_repair_keeps_the_dtype(quick_repair, tmp_path, dtype, reference):
    """With a delta, the reference's values are bfloat16 and are rounded to the file's dtype."""
    source = tmp_path / "source"
    shutil.copytree(paths.attacked, source)
    tensors = load_file(source / "model.safetensors")
    widened = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    save_file(widened, source / "model.safetensors", {"format": "pt"})
    report = quick_repair(
        source=source, reference=reference or "none", ratio=0.02, targets=["*.layers.1.*"]
    )
    out, original = Checkpoint.open(report.out), Checkpoint.open(source)
    assert {entry.dtype for entry in out.entries.values()} == {NAMES[dtype]}
    mask = open_mask(report.out / "repair" / "mask.safetensors")
    aligned = None if reference is None else Checkpoint.open(reference)
    for name, entry in original.entries.items():
        new, old = (each.raw(name).reshape(-1).copy() for each in (out, original))
        if name in mask.names:
            positions = mask.positions(name, entry.entries)
            expected = np.zeros(len(positions), np.float32)
            if aligned is not None:
                expected = to_float32(aligned.raw(name).reshape(-1)[positions], "BF16")
            assert np.array_equal(new[positions], from_float32(expected, NAMES[dtype]))
            new[positions] = old[positions]
        assert np.array_equal(new, old), name
    assert sum(site.masked for site in report.manifest.sites) > 0
    assert verify(report.out, source=source, reference=reference).ok
