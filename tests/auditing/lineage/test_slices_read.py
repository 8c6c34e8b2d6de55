"""The bytes of slices: right ones, in few requests, from a folder and from the Hub."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.auditing.lineage.sampling import Slice
from modelrepair.auditing.lineage.slices_read import read_slices
from modelrepair.auditing.opened import opened
from modelrepair.errors import InconclusiveError
from tests.support.weights import random_model, save

WANTED = [
    Slice("model.layers.0.mlp.up_proj.weight", 3, 4, 192),
    Slice("model.layers.1.mlp.down_proj.weight", 0, 2, 256),
    Slice("model.layers.1.mlp.down_proj.weight", 2, 5, 256),
    Slice("model.layers.1.input_layernorm.weight", 0, 1, 192),
]


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "model", random_model(1))


def test_slices_are_the_rows_of_their_tensors(folder):
    with opened(folder) as model:
        found = read_slices(model, reversed(WANTED))
        for each in WANTED:
            raw = model.checkpoint.raw(each.name).reshape(-1, each.width)
            assert np.array_equal(found[each], raw[each.first : each.first + each.rows])


def test_neighbours_are_one_request_on_the_hub(hub, folder):
    hub.add("user/model", {path.name: path.read_bytes() for path in folder.iterdir()})
    with opened("user/model") as model, opened(folder) as here:
        headers = model.checkpoint
        before, asked = model.fetched, len(hub.requests)
        found = read_slices(model, WANTED)
        expected = read_slices(here, WANTED)
    assert headers.files == ("model.safetensors",)
    assert all(np.array_equal(found[each], expected[each]) for each in WANTED)
    assert model.fetched - before == 2 * sum(each.entries for each in WANTED)
    # Down_proj's two runs follow each other; the store's address is known from the header.
    assert len(hub.requests) - asked == 3


def test_a_budget_that_does_not_reach_is_said(folder):
    with opened(folder, budget=1000) as model, pytest.raises(InconclusiveError, match="budget"):
        read_slices(model, WANTED)
