"""A checkpoint in two shards, and folders that are no checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.weight_files import INDEX
from modelrepair.errors import DamagedCheckpointError


def write_shards(folder: Path) -> dict[str, np.ndarray]:
    """Write three tensors in two shards with their index, and return the tensors by name."""
    rng = np.random.default_rng(0)
    shards = {
        "model-00001-of-00002.safetensors": {"b": rng.normal(size=(3, 4)), "a": np.arange(5)},
        "model-00002-of-00002.safetensors": {"c": rng.normal(size=(2, 2)).astype(np.float16)},
    }
    for file, tensors in shards.items():
        save_file(tensors, folder / file, {"format": "pt"})
    weight_map = {name: file for file, tensors in shards.items() for name in tensors}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return {name: value for tensors in shards.values() for name, value in tensors.items()}


def refused(folder: Path, match: str, kind: type = DamagedCheckpointError) -> None:
    """Expect an error of one printable line and a hint that name nothing outside the folder."""
    with pytest.raises(kind, match=match) as error:
        Checkpoint.open(folder)
    for line in (str(error.value), error.value.hint):
        assert line.isprintable() and str(folder.parent) not in line
