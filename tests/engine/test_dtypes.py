"""The dtypes that are computed with are those of safetensors, of the same width."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load, save

from modelrepair.checkpoint.reader import ITEM_SIZES
from modelrepair.engine.dtypes import TORCH_DTYPES


@pytest.mark.parametrize("name", TORCH_DTYPES)
def test_a_name_is_that_of_the_file(name):
    dtype = TORCH_DTYPES[name]
    data = save({"w": torch.zeros(2).to(dtype)})
    assert f'"dtype":"{name}"'.encode() in data
    assert load(data)["w"].dtype == dtype
    assert dtype.itemsize == ITEM_SIZES[name]
