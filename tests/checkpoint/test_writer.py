"""A patched shard differs from its source in the masked entries only; files are whole or absent."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from modelrepair.checkpoint import writer
from modelrepair.checkpoint.reader import Checkpoint

KINDS = [np.uint8, np.float16, np.float32, np.float64]


def bits(kind):
    return np.dtype(f"u{np.dtype(kind).itemsize}")


@settings(deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 1 << 22]))
def test_only_masked_entries_differ(tmp_path_factory, data, seed, chunk):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("model")
    tensors = {
        f"w{number}": rng.integers(0, 200, data.draw(st.integers(0, 60))).astype(kind)
        for number, kind in enumerate(data.draw(st.lists(st.sampled_from(KINDS), max_size=4)))
    }
    source, result = folder / "model.safetensors", folder / "repaired.safetensors"
    save_file(tensors, source, {"format": "pt"})
    checkpoint = Checkpoint.open(folder)
    expected = bytearray(source.read_bytes())
    patches = []
    for name, tensor in reversed(tensors.items()):
        entry, item = checkpoint.entries[name], tensor.dtype.itemsize
        positions = rng.permutation(len(tensor))[: data.draw(st.integers(0, len(tensor)))]
        values = rng.integers(0, 200, len(positions)).astype(bits(tensor.dtype))
        for position, value in zip(positions, values, strict=True):
            start = entry.offset + int(position) * item
            expected[start : start + item] = value.tobytes()
        half = len(positions) // 2
        patches += [(entry, positions[:half], values[:half])]
        patches += [(entry, positions[half:], values[half:])]
    before = source.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_CHUNK", chunk)
        digest = writer.write_shard(source, result, iter(patches))
    assert source.read_bytes() == before
    assert result.read_bytes() == bytes(expected)
    assert digest == hashlib.sha256(expected).hexdigest()
    assert result.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in folder.iterdir()} == {source.name, result.name}


def test_a_copy_follows_links_and_replaces_what_was_there(tmp_path):
    (tmp_path / "blob").write_bytes(b"weights")
    (tmp_path / "link").symlink_to("blob")
    (tmp_path / "copy").write_bytes(b"older and longer")
    (tmp_path / "copy.tmp").symlink_to("blob")
    digest = writer.copy_file(tmp_path / "link", tmp_path / "copy")
    assert digest == hashlib.sha256(b"weights").hexdigest()
    assert (tmp_path / "copy").read_bytes() == b"weights" == (tmp_path / "blob").read_bytes()
    assert not (tmp_path / "copy").is_symlink() and not (tmp_path / "copy.tmp").exists()


@pytest.mark.parametrize(
    ("positions", "values", "match"),
    [
        ([4], np.zeros(1, np.uint32), "outside"),
        ([-1], np.zeros(1, np.uint32), "outside"),
        ([0, 1], np.zeros(1, np.uint32), "one value of 4 bytes"),
        ([0], np.zeros(1, np.uint16), "one value of 4 bytes"),
    ],
)
def test_a_patch_that_doesnt_fit_leaves_nothing(tmp_path, positions, values, match):
    save_file({"w": np.ones(4, np.float32)}, tmp_path / "model.safetensors")
    entry = Checkpoint.open(tmp_path).entries["w"]
    with pytest.raises(ValueError, match=match):
        patch = (entry, np.array(positions), values)
        writer.write_shard(tmp_path / "model.safetensors", tmp_path / "out", [patch])
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
