"""Models of many tensors: as many as were asked for, and what a repair of one takes."""

import json

import pytest

from benchmarks.many_tensors import FIGURES, SHARDS, exponents, make, repaired

TENSORS = 1000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "model"
    folder.mkdir()
    return folder, make(folder, TENSORS)


def test_a_model_has_about_as_many_tensors_as_asked_for_in_all_its_files(made):
    folder, count = made
    index = json.loads((folder / "model.safetensors.index.json").read_bytes())
    assert count == len(index["weight_map"]) and abs(count - TENSORS) < 0.1 * TENSORS
    assert len({*index["weight_map"].values()}) == SHARDS
    sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
    assert len(sizes) == SHARDS and sum(sizes) > index["metadata"]["total_size"]


def test_figures_that_grow_in_proportion_have_the_exponent_1():
    rows = [
        {"tensors": tensors, **dict.fromkeys(FIGURES, 3 * tensors), "peak_mb": None}
        for tensors in (10, 20, 40)
    ]
    assert exponents(rows) == pytest.approx({name: 1.0 for name in FIGURES if name != "peak_mb"})


@pytest.mark.slow
def test_a_repair_is_counted_in_a_process_of_its_own(made, tmp_path):
    found = repaired(made[0], tmp_path)
    assert {*FIGURES, "masked_tensors", "phases_s"} <= {*found}
    assert 0 < found["masked_tensors"] < TENSORS and found["fsyncs"] > SHARDS
    assert 0 < found["phases_s"]["all"] < found["processor_seconds"]
