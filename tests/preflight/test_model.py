"""A model by its files: what it is called, and how many entries it has."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.preflight.model import Model
from modelrepair.source.resolve import Source
from tests.support.small_repairs import SHAPES, make_checkpoint


@pytest.fixture
def model(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    return Model(Source(None, None, folder, "model"), Checkpoint.open(folder))


def test_a_model_is_called_by_its_id_or_its_folder(model):
    assert model.name == "model"
    assert replace(model, source=replace(model.source, id="user/other")).name == "user/other"


def test_every_entry_of_a_whole_model_counts_once(model):
    assert model.whole is model.checkpoint
    assert model.parameters == sum(map(math.prod, SHAPES.values()))


def test_an_adapter_counts_its_base_too(model, tmp_path):
    folder = make_checkpoint(tmp_path / "adapter", seed=7)
    adapter = Model(Source(None, None, folder, "adapter"), Checkpoint.open(folder), base=model)
    assert adapter.whole is model.checkpoint
    assert adapter.parameters == 2 * model.parameters
    assert adapter.name == "adapter"
