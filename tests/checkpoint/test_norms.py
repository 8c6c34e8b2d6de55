from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from modelrepair.checkpoint import norms as edit
from modelrepair.checkpoint.bits import to_float32
from modelrepair.checkpoint.edits import new_values
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.values import ValuesFile, write_values
from modelrepair.errors import DamagedCheckpointError
from modelrepair.verification.compare import compare_shards
from tests.support.small_repairs import SITES, make_checkpoint


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


def test_norms_that_are_not_finite():
    assert edit.share_of_norm(1.0, 0.0) is None
    assert edit.share_of_norm(math.nan, 1.0) is None


def test_tensor_digest(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    expected = hashlib.sha256(source.raw(SITES[1]).tobytes()).hexdigest()
    assert edit.tensor_digest(source, SITES[1]) == expected


def test_pieces_of_any_size_give_the_same_comparison(tmp_path, monkeypatch):
    one = make_checkpoint(tmp_path / "one")
    two = make_checkpoint(tmp_path / "two", seed=1)
    entries = list(Checkpoint.open(one).entries.values())

    def compare():
        return compare_shards(
            one / "model.safetensors",
            two / "model.safetensors",
            entries,
            lambda entry: np.arange(0, entry.entries, 3),
            lambda name, positions, old, before: old,
        )

    whole = compare()
    monkeypatch.setattr("modelrepair.verification.compare.CHUNK", 5)
    pieces = compare()
    for old, new in zip(whole.tensors, pieces.tensors, strict=True):
        assert math.isclose(old.norm_removed, new.norm_removed, rel_tol=1e-5)
        old.norm_removed = new.norm_removed
    assert pieces == whole
    assert pieces.digest == hashlib.sha256((two / "model.safetensors").read_bytes()).hexdigest()


def test_values_round_trip_and_refuse_another_size(tmp_path):
    path = tmp_path / "values.safetensors"
    bits = {"a": np.array([1, 2, 3], np.uint16), "b": np.array([2**32 - 1], np.uint32)}
    write_values(path, {name: raw.nbytes for name, raw in bits.items()}, bits.values())
    stored = ValuesFile(path)
    for name, raw in bits.items():
        assert np.array_equal(stored.values(name, raw.dtype, len(raw)), raw)
    for name, count in (("a", 2), ("c", 3)):
        with pytest.raises(DamagedCheckpointError, match=name):
            stored.values(name, np.dtype(np.uint16), count)
