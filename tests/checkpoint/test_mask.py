"""The mask codec: round trip, size, and what damaged or hostile bytes may cost."""

from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from modelrepair.checkpoint.mask import decode, encode, open_mask, write_mask
from modelrepair.errors import DamagedCheckpointError


def entropy_bound(entries, chosen):
    share = chosen / entries
    return -entries * (share * np.log2(share) + (1 - share) * np.log2(1 - share)) / 8


@settings(deadline=None)
@given(st.sets(st.integers(0, 100_000)), st.integers(1, 1000))
def test_round_trip(chosen, room):
    positions = np.array(sorted(chosen), np.int64)
    entries = int(positions[-1]) + room if len(positions) else room
    result = decode(encode(positions), entries)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, positions)


@pytest.mark.parametrize("gap", [0, 1, 253, 254, 255, 256, 509, 510, 511, 10_000_000])
def test_round_trip_around_the_escape(gap):
    positions = np.array([gap, 2 * gap + 1])
    np.testing.assert_array_equal(decode(encode(positions), 2 * gap + 2), positions)


def test_round_trip_of_all_and_of_none():
    assert decode(encode(np.arange(5000)), 5000).tolist() == list(range(5000))
    assert decode(encode(np.empty(0, np.int64)), 7).tolist() == []
    # Longer than one chunk of the decoder, a gap across its border included.
    positions = np.concatenate([np.arange(1_048_575), [1_050_000, 30_000_000]])
    np.testing.assert_array_equal(decode(encode(positions), 30_000_001), positions)


@settings(deadline=None)
@given(st.floats(0.001, 0.2), st.integers(0, 2**32 - 1))
def test_the_size_is_near_the_entropy_bound(share, seed):
    positions = np.flatnonzero(np.random.default_rng(seed).random(400_000) < share)
    assert len(encode(positions)) <= 1.5 * entropy_bound(400_000, len(positions))


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2])
def test_whole_columns_take_far_less(share):
    mask = np.zeros((400, 1000), bool)
    mask[:, : int(share * 1000)] = True
    positions = np.flatnonzero(mask)
    assert len(encode(positions)) < 0.2 * entropy_bound(mask.size, len(positions))


def test_positions_out_of_order_are_refused():
    for positions in ([3, 2], [2, 2], [-1, 4]):
        with pytest.raises(ValueError, match="strictly increasing"):
            encode(np.array(positions))


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 1000))
def test_any_bytes_give_a_mask_or_an_error(content, entries):
    for blob in (content, zlib.compress(content)):
        try:
            positions = decode(blob, entries)
        except DamagedCheckpointError as error:
            assert "\n" not in str(error) and error.hint
        else:
            assert (np.diff(positions) > 0).all()
            assert not len(positions) or 0 <= positions[0] <= positions[-1] < entries


def test_damage_is_refused():
    blob = encode(np.arange(0, 100_000, 7))
    for damaged in (blob[:-1], blob[: len(blob) // 2], blob + b"x", b"", blob[:-4] + b"\0\0\0\0"):
        with pytest.raises(DamagedCheckpointError):
            decode(damaged, 100_000)
    with pytest.raises(DamagedCheckpointError, match="beyond"):
        decode(encode(np.array([3, 100])), 100)
    with pytest.raises(DamagedCheckpointError, match="beyond"):
        decode(zlib.compress(bytes([1, 255])), 1000)


def test_a_bomb_costs_no_more_than_the_site():
    bomb = zlib.compress(bytes(100_000_000), 1)
    endless = zlib.compress(bytes([255]) * 100_000_000, 1)
    for blob in (bomb, endless):
        tracemalloc.start()
        with pytest.raises(DamagedCheckpointError):
            decode(blob, 50_000)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
        tracemalloc.stop()


def test_a_mask_file_comes_back(tmp_path):
    path = tmp_path / "mask.safetensors"
    header = {"subject": "delta", "scale": "0.0", "source": "ab" * 32}
    masks = {
        "model.layers.0.q": np.array([0, 5, 9]),
        "empty": np.empty(0, np.int64),
        "a": np.arange(4),
    }
    write_mask(path, header, masks.items())
    mask = open_mask(path)
    assert mask.header == header
    assert mask.names == ("model.layers.0.q", "a")
    for name, positions in masks.items():
        np.testing.assert_array_equal(mask.positions(name, 10), positions)
    assert mask.positions("no such site", 10).tolist() == []
    with safe_open(path, "numpy") as file:
        assert file.metadata() == header
        assert set(file.keys()) == set(mask.names)


def test_the_same_mask_gives_the_same_bytes(tmp_path):
    header = {f"key {number}": "x" for number in range(10)}
    turned = dict(reversed(header.items()))
    masks = [("w", np.array([1, 2])), ("v", np.array([7]))]
    digests = {write_mask(tmp_path / "m.safetensors", h, iter(masks)) for h in (header, turned)}
    assert len(digests) == 1


def test_a_mask_file_without_sites(tmp_path):
    write_mask(tmp_path / "m.safetensors", {}, [])
    assert open_mask(tmp_path / "m.safetensors").names == ()


def test_what_is_no_mask_file_is_refused(tmp_path):
    save_file({"w": np.zeros((2, 2), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(DamagedCheckpointError, match="is no mask"):
        open_mask(tmp_path / "model.safetensors")
    with pytest.raises(DamagedCheckpointError, match="missing"):
        open_mask(tmp_path / "mask.safetensors")
    for name in ("w", "__metadata__"):
        with pytest.raises(ValueError, match="can't be stored"):
            write_mask(tmp_path / "m", {}, [("w", np.arange(2)), (name, np.arange(2))])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors"]
