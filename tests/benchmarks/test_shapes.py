"""Models of random weights: as transformers loads them, in shards."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks import shapes
from benchmarks.shapes import SHAPES, Shape, write_model


def test_a_shape_is_a_model_that_transformers_loads(tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "_SHARD", 100_000)
    folder = write_model(SHAPES["tiny"], tmp_path / "model")
    assert len(list(folder.glob("*.safetensors"))) > 2
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.bfloat16 and len(model.model.layers) == 2
    assert all(value.std() > 0.01 for value in model.parameters() if value.dim() == 2)
    assert AutoTokenizer.from_pretrained(folder)("w17 w3 w499")["input_ids"] == [17, 3, 499]


def test_a_model_that_is_there_stays(tmp_path):
    folder = write_model(SHAPES["tiny"], tmp_path / "model")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write_model(SHAPES["tiny"], folder) == folder
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_names_say_how_many_parameters_there_are():
    sizes = {name: shape.parameters / 1e6 for name, shape in SHAPES.items()}
    assert [round(sizes[name]) for name in ("349m", "28m")] == [349, 28]
    assert 1200 < sizes["1.3b"] < 1300 and 6500 < sizes["7b"] < 7000


def test_the_largest_shape_is_the_last_that_fits_twice(monkeypatch):
    gib = 2**30
    for free, name in ((80 * gib, "7b"), (24 * gib, "1.3b"), (4 * gib, "349m")):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda free=free: (free, free))
        assert shapes.largest() == name


def test_another_depth_is_another_shape():
    assert Shape().with_blocks(None) == Shape()
    assert Shape().with_blocks(8).blocks == 8
