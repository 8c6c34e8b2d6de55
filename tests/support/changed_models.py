"""A tiny model on disk, and the same with other tensors in its file."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file, save_file

from modelrepair.checkpoint.reader import Checkpoint
from tests.support import tiny

NORM, DOWN = "model.norm.weight", "model.layers.1.mlp.down_proj.weight"


def change(folder, **tensors) -> Checkpoint:
    """Replace, add or (None) remove tensors of a saved model."""
    path = folder / "model.safetensors"
    state = load_file(path) | tensors
    save_file({k: v for k, v in state.items() if v is not None}, path, {"format": "pt"})
    return Checkpoint.open(folder)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    """A folder with a model to change."""
    tiny.save("llama", tmp_path / "model")
    return tmp_path / "model"
