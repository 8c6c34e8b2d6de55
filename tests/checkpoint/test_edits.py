"""What a mask does to one tensor: the bits that its masked entries get, said in one place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modelrepair.artifact.writer import write_weights
from modelrepair.checkpoint import norms as edit
from modelrepair.checkpoint.bits import to_float32
from modelrepair.checkpoint.edits import MaskEdit, new_values
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import EmptyMaskError
from tests.support.small_repairs import SITES, make_checkpoint, make_masks, sites_of


def test_positions_are_asked_one_tensor_at_a_time(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    asked = []

    def positions(name):
        asked.append(name)
        return make_masks()[name]

    write_weights(tmp_path / "out", source=source, sites=sites_of(source), edit=MaskEdit(positions))
    assert asked == SITES


def test_an_empty_mask_is_a_failure(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    with pytest.raises(EmptyMaskError):
        write_weights(
            tmp_path / "out",
            source=source,
            sites=sites_of(source),
            edit=MaskEdit(lambda name: np.empty(0, np.int64)),
        )


@pytest.mark.parametrize("dtype", ["BF16", "F32", "F64"])
def test_norm_removed_is_the_frobenius_norm(tmp_path, dtype, monkeypatch):
    monkeypatch.setattr(edit, "CHUNK", 7)
    source = Checkpoint.open(make_checkpoint(tmp_path / "source", dtype=dtype))
    positions = np.array([0, 5, 30])
    values = new_values(source, SITES[0], positions, None, 0.5)
    old = to_float32(source.raw(SITES[0]), dtype).astype(np.float64).reshape(-1)
    new = old.copy()
    new[positions] = to_float32(values, dtype)
    expected = np.linalg.norm(new - old) / np.linalg.norm(old)
    found = edit.norm_removed(source, SITES[0], positions, values)
    assert math.isclose(found, expected, rel_tol=1e-5)
    assert edit.norm_removed(source, SITES[0], positions[:0], values[:0]) == 0.0
