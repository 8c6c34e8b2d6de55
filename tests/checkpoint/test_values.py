"""The masked entries' new values on disk, for repairs whose reference is private."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.checkpoint.values import ValuesFile, write_values
from modelrepair.errors import DamagedCheckpointError


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
