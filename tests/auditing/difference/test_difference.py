"""The figures of each tensor against numpy's, the order of tensors, and the memory they take."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.difference.difference import COLUMNS, changes, difference
from modelrepair.auditing.difference.pairs import Pair
from modelrepair.auditing.difference.spectrum import FLAT_ERROR
from modelrepair.auditing.opened import opened
from modelrepair.checkpoint.bits import from_float32, to_float32
from tests.support import compared_models as make


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["BF16", "F16", "F32"]), st.floats(0, 1))
def test_shares_and_norms_are_exact(seed, dtype, moved):
    generator = np.random.default_rng(seed)
    size = (70, 90)
    old = from_float32(generator.standard_normal(size), dtype)
    new = from_float32(
        np.where(generator.random(size) < moved, generator.integers(-1, 2, size),
                 to_float32(old, dtype)), dtype)  # fmt: skip
    found = changes(Pair("a.weight", size, old, dtype, new, dtype))
    base, value = (to_float32(each, dtype).astype(np.float64) for each in (old, new))
    assert found.changed == np.mean(old != new)
    assert found.zeroed == np.mean((value == 0) & (base != 0))
    ratio = np.linalg.norm(value - base) / np.linalg.norm(base)
    assert found.norm == pytest.approx(ratio, rel=1e-5)
    if found.top_share is not None:
        values = np.linalg.svd(value - base, compute_uv=False) ** 2
        assert (
            (1 - FLAT_ERROR) ** 2 * values[0] <= found.top_share * values.sum() <= 1.001 * values[0]
        )
        assert found.stable_rank == pytest.approx(1 / found.top_share)


def test_the_order_of_tensors_changes_no_figure(tmp_path):
    base = make.weights()
    new = make.ablated(base)
    results = []
    for number, keys in enumerate((sorted(base), sorted(base, reverse=True))):
        folders = [make.save(tmp_path / f"{number}{name}", {key: tensors[key] for key in keys})
                   for name, tensors in (("m", new), ("b", base))]  # fmt: skip
        with opened(folders[0]) as one, opened(folders[1]) as other:
            rows = difference(one, other, seed=3).to_json()["tensors"]
        results.append(sorted(rows))
    assert results[0] == results[1]
    assert {len(row) for row in results[0]} == {len(COLUMNS)}


def small_change(seed, size, decay, dense=0.0):
    """A change as large as rounding to bfloat16: directions that fade, and training of the rest."""
    generator = np.random.default_rng(seed)
    old = 0.2 * generator.standard_normal((576, 576))
    strengths = decay ** np.arange(8)
    move = (generator.standard_normal((576, 8)) * strengths) @ generator.standard_normal((8, 576))
    move = move / np.linalg.norm(move) + dense * generator.standard_normal(old.shape) / 576
    bits = from_float32(old.astype(np.float32), "BF16")
    old = to_float32(bits, "BF16").astype(np.float64)
    move *= size * np.linalg.norm(old) / np.linalg.norm(move)
    new = from_float32((old + move).astype(np.float32), "BF16")
    return Pair("model.layers.0.mlp.up_proj.weight", (576, 576), bits, "BF16", new, "BF16")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("decay", [0.6, 0.75])
def test_an_adapter_of_which_rounding_hides_the_weaker_directions_is_of_low_rank(seed, decay):
    assert changes(small_change(seed, 0.003, decay)).reading == "low-rank"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("size", "dense"), [(0.003, 1.5), (0.003, 9.0), (0.01, 1.5), (0.01, 9.0)])
def test_small_training_of_all_weights_is_not_of_low_rank(seed, size, dense):
    assert changes(small_change(seed, size, 0.6, dense)).reading in ("dense", "unclear")


def test_values_that_are_not_finite_give_no_figures():
    old = np.full((2, 2), 0x3F80, np.uint16)
    new = np.array([[0x3F80, 0x7F80], [0x3F80, 0x7FC0]], np.uint16)
    found = changes(Pair("a.weight", (2, 2), old, "BF16", new, "BF16"))
    assert (found.changed, found.norm, found.reading) == (0.5, None, "vector")


MEASURE = """
import sys, tracemalloc
from modelrepair.auditing.difference.difference import difference
from modelrepair.auditing.opened import opened
with opened(sys.argv[1]) as one, opened(sys.argv[2]) as other:
    tracemalloc.start()
    found = difference(one, other)
    print(tracemalloc.get_traced_memory()[1], len(found.tensors), "torch" in sys.modules)
"""


def test_memory_is_bounded_by_the_largest_tensor_and_torch_is_not_imported(tmp_path):
    generator = np.random.default_rng(0)
    base = {f"model.layers.{layer}.mlp.up_proj.weight":
            generator.standard_normal((2048, 1024)).astype(np.float32)
            for layer in range(6)}  # fmt: skip
    new = {name: value + 0.1 for name, value in base.items()}
    folders = [make.save(tmp_path / name, tensors) for name, tensors in (("m", new), ("b", base))]
    done = subprocess.run([sys.executable, "-c", MEASURE, *map(str, folders)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    peak, count, torch = done.stdout.split()
    assert (count, torch) == ("6", "False")
    assert int(peak) < 2048 * 1024 * 2
