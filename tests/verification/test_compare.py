"""Two weight files side by side, byte for byte: what differs, inside the mask and outside."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.verification.compare import compare_shards
from tests.support.small_repairs import make_checkpoint


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
