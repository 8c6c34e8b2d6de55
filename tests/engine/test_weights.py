"""Tensors as float32, masked on the way in; NaN, dtypes, and masks as packed bits."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.layout.places import whole
from modelrepair.engine.weights import Masks, Weights
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from tests.support.opened_models import CPU

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def checkpoint(folder, **tensors) -> Checkpoint:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return Checkpoint.open(folder)


def values(dtype=torch.float32, seed: int = 0):
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("dtype", [*FLOATS, torch.float8_e4m3fn, torch.float8_e5m2])
def test_every_float_comes_as_float32(tmp_path, dtype):
    found = Weights(checkpoint(tmp_path, w=values(dtype)), CPU).values("w")
    assert found.dtype == torch.float32
    assert torch.equal(found, values(dtype).float())


def test_the_model_computes_in_what_was_asked_for(tmp_path):
    weights = Weights(checkpoint(tmp_path, w=values()), CPU, dtype=torch.bfloat16)
    assert torch.equal(weights.read("w"), values().bfloat16())
    assert weights.values("w").dtype == torch.float32


def test_integers_are_no_weights(tmp_path):
    weights = Weights(checkpoint(tmp_path, w=torch.zeros(2, 2, dtype=torch.int8)), CPU)
    with pytest.raises(UnsupportedModelError, match="w is stored as I8"):
        weights.values("w")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_by_name_in_source_and_reference(tmp_path, dtype, bad):
    broken = values(dtype)
    broken[1, 2] = bad
    one = checkpoint(tmp_path / "one", fine=values(dtype), broken=broken)
    two = checkpoint(tmp_path / "two", fine=values(dtype), broken=values(dtype))
    weights = Weights(one, CPU, reference=two)
    weights.values("fine")
    for again in (weights, weights.with_change(None)):
        with pytest.raises(DamagedCheckpointError, match=r"^broken holds NaN") as caught:
            again.values("broken")
        with pytest.raises(DamagedCheckpointError, match=r"^broken holds NaN"):
            again.matrix(whole("broken", (3, 4)))
    assert caught.value.exit_code == 6
    weights = Weights(two, CPU, reference=one)
    weights.values("broken")
    with pytest.raises(DamagedCheckpointError, match=r"^the reference's broken holds NaN"):
        weights.reference(whole("broken", (3, 4)))


def test_a_float64_too_large_for_float32_is_not_finite(tmp_path):
    huge = values(torch.float64)
    huge[0, 0] = 1e300
    with pytest.raises(DamagedCheckpointError, match="w holds"):
        Weights(checkpoint(tmp_path, w=huge), CPU).values("w")


@pytest.mark.parametrize("scale", [0.0, 0.75])
@pytest.mark.parametrize("dtype", FLOATS)
def test_masked_entries_are_read_as_they_would_be_written(tmp_path, dtype, scale):
    masks = Masks(tmp_path / "masks")
    chosen = np.zeros(12, bool)
    chosen[[0, 5, 11]] = True
    masks.put([("w", chosen)])
    one, two = values(dtype), values(dtype, seed=1)
    source = checkpoint(tmp_path / "source", w=one, other=one.clone())
    other = checkpoint(tmp_path / "reference", w=two, other=one.clone())
    flat = torch.from_numpy(chosen).reshape(3, 4)
    zeroed = Weights(source, CPU, change=masks, scale=scale)
    expected = torch.where(flat, (one.float() * scale).to(dtype), one).float()
    assert torch.equal(zeroed.values("w"), expected)
    assert torch.equal(zeroed.values("other"), one.float())
    moved = Weights(source, CPU, reference=other, change=masks, scale=scale)
    there = two.float() + scale * (one.float() - two.float())
    assert torch.equal(moved.values("w"), torch.where(flat, there.to(dtype), one).float())
    assert torch.equal(
        moved.reference(whole("w", (3, 4))), two.float()
    )  # a mask never touches the reference
    assert torch.equal(zeroed.with_change(None).values("w"), one.float())
    assert zeroed.reference(whole("w", (3, 4))) is None
    zeros = zeroed.values("w")[flat]
    assert scale or not torch.signbit(zeros).any()


def test_the_file_is_never_written(tmp_path):
    source = checkpoint(tmp_path / "source", w=values())
    before = (tmp_path / "source/model.safetensors").read_bytes()
    masks = Masks(tmp_path / "masks")
    masks.put([("w", np.ones(12, bool))])
    Weights(source, CPU, change=masks).values("w").fill_(5.0)
    Weights(source, CPU).values("w").fill_(5.0)
    assert (tmp_path / "source/model.safetensors").read_bytes() == before


@settings(max_examples=30, deadline=None)
@given(bits=st.lists(st.booleans(), min_size=1, max_size=50))
def test_masks_come_back_entry_by_entry(tmp_path_factory, bits):
    masks = Masks(tmp_path_factory.mktemp("masks"))
    mask = np.array(bits)
    masks.put([("a.b.weight", mask)])
    found = masks.get("a.b.weight", len(mask))
    assert (found is None) == (not mask.any())
    if found is not None:
        assert np.array_equal(found, mask)
    positions = masks.positions("a.b.weight", len(mask))
    assert positions.dtype == np.int64
    assert positions.tolist() == [index for index, bit in enumerate(bits) if bit]


def test_masks_that_are_put_take_the_place_of_all_that_lay_there(tmp_path):
    masks = Masks(tmp_path)
    masks.put([("v", np.ones(3, bool)), ("w", np.ones((2, 2), bool))])
    masks.put([("w", np.zeros((2, 2), bool)), ("u", np.ones(9, bool))])
    assert masks.get("v", 3) is None and masks.get("w", 4) is None
    assert masks.get("u", 9).all() and Masks(tmp_path).get("u", 9).all()


def test_masks_of_which_not_all_were_put_are_none(tmp_path):
    def cut_short():
        yield "v", np.ones(3, bool)
        raise KeyboardInterrupt

    Masks(tmp_path).put([("v", np.ones(3, bool))])
    with pytest.raises(KeyboardInterrupt):
        Masks(tmp_path).put(cut_short())
    assert Masks(tmp_path).get("v", 3) is None


def test_a_thousand_masks_take_as_many_files_and_fsyncs_as_one(tmp_path, monkeypatch):
    synced, plain = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), plain(file)))
    found = []
    for count in (1, 1000):
        Masks(tmp_path / str(count)).put((f"w{n}", np.ones(5, bool)) for n in range(count))
        found.append((len(synced), len(list((tmp_path / str(count)).iterdir()))))
        synced.clear()
    assert found[0] == found[1]
