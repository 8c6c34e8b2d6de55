"""Where tensors are in the weight files, and which files are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save, save_file
from safetensors.torch import save_file as save_torch

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.weight_files import INDEX
from modelrepair.errors import ResourceError, UnsupportedModelError
from tests.support.shards import refused, write_shards


def raw_file(header: object, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


def test_shards_in_order(tmp_path):
    tensors = write_shards(tmp_path)
    checkpoint = Checkpoint.open(tmp_path)
    assert checkpoint.index == INDEX
    assert checkpoint.files == (
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    )
    places = [(entry.file, entry.offset) for entry in checkpoint.entries.values()]
    assert places == sorted(places)
    assert [each for some in checkpoint.by_file.values() for each in some] == [
        *checkpoint.entries.values()
    ]
    assert tuple(checkpoint.by_file) == checkpoint.files
    assert checkpoint.metadata[checkpoint.files[0]] == {"format": "pt"}
    for name, value in tensors.items():
        raw = checkpoint.raw(name)
        assert raw.shape == value.shape and raw.dtype.kind == "u" and not raw.flags.writeable
        np.testing.assert_array_equal(raw.view(value.dtype), value)


@settings(deadline=None)
@given(st.data())
def test_every_tensor_has_its_bits(tmp_path_factory, data):
    kinds = ["uint8", "bool", "int16", "float16", "float32", "float64", "complex64"]
    names = data.draw(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=5))
    tensors = {}
    for name in names:
        shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=3)))
        tensors[name] = np.ones(shape).astype(data.draw(st.sampled_from(kinds)))
    folder = tmp_path_factory.mktemp("model")
    content = save({name: value for name, value in tensors.items() if name != "__metadata__"})
    (folder / "model.safetensors").write_bytes(content)
    checkpoint = Checkpoint.open(folder)
    for name, value in load_file(folder / "model.safetensors").items():
        entry = checkpoint.entries[name]
        assert checkpoint.raw(name).tobytes() == value.tobytes()
        assert content[entry.offset : entry.offset + entry.nbytes] == value.tobytes()
        assert checkpoint.raw(name).shape == entry.shape == value.shape
        assert entry.entries == value.size


def test_bfloat16_and_float8(tmp_path):
    tensors = {
        "b": torch.tensor([1.0, -2.0], dtype=torch.bfloat16),
        "f": torch.ones(3).to(torch.float8_e4m3fn),
    }
    save_torch(tensors, tmp_path / "adapter_model.safetensors")
    save_torch({"x": torch.ones(1)}, tmp_path / "other.safetensors")
    checkpoint = Checkpoint.open(tmp_path)
    assert checkpoint.index is None and checkpoint.files == ("adapter_model.safetensors",)
    assert checkpoint.raw("b").tolist() == [0x3F80, 0xC000]
    assert checkpoint.entries["f"].dtype == "F8_E4M3" and checkpoint.raw("f").dtype == np.uint8


@pytest.mark.parametrize("length", [0, 4, 8, 60, -1])
def test_a_file_cut_short(tmp_path, length):
    content = save({"w": np.ones((4, 4), np.float32)})
    (tmp_path / "model.safetensors").write_bytes(content[:length])
    refused(tmp_path, "'model.safetensors' is no whole safetensors file")


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html>" * 20,
        raw_file(b"{]"),
        raw_file(b"\xff\xff"),
        raw_file(b"[" * 5000),
        raw_file({"w": {"dtype": "\x1b[31m\n", "shape": [1], "data_offsets": [0, 1]}}, b"1"),
        raw_file({"w": {"dtype": "U8", "shape": [2], "data_offsets": [0, 1]}}, b"1"),
        raw_file({"w": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}, b"12"),
    ],
)
def test_a_malformed_file(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    refused(tmp_path, "is no whole safetensors file")


def test_a_file_that_git_did_not_fetch(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    (tmp_path / "model.safetensors").write_bytes(pointer)
    refused(tmp_path, "'model.safetensors' is a Git LFS pointer")


def test_a_tensor_named_twice(tmp_path):
    header = (
        b'{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},'
        b'"w":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}'
    )
    (tmp_path / "model.safetensors").write_bytes(raw_file(header, b"12"))
    refused(tmp_path, "stands twice")


def test_a_tensor_in_two_shards(tmp_path):
    write_shards(tmp_path)
    save_file({"c": np.ones(1), "a": np.ones(1)}, tmp_path / "model-00002-of-00002.safetensors")
    refused(tmp_path, "tensor 'a' is in 'model-00001-of-00002.safetensors' and in")


def test_entries_that_share_bytes_are_not_mapped(tmp_path):
    header = {"w": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}
    (tmp_path / "model.safetensors").write_bytes(raw_file(header, b"12"))
    checkpoint = Checkpoint.open(tmp_path)
    with pytest.raises(UnsupportedModelError, match="dtype F4"):
        checkpoint.raw("w")


def test_a_file_that_cant_be_read(tmp_path):
    (tmp_path / INDEX).mkdir()
    refused(tmp_path, "no plain file")
    (tmp_path / INDEX).rmdir()
    for name in ("model.safetensors", INDEX):
        (tmp_path / name).touch(mode=0)
        if os.access(tmp_path / name, os.R_OK):
            pytest.skip("root reads everything")
        refused(tmp_path, "can't be read", ResourceError)


def test_a_disk_that_fails(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied", "/secret/place/model.safetensors")

    write_shards(tmp_path)
    monkeypatch.setattr("modelrepair.checkpoint.reader.safe_open", fail)
    refused(tmp_path, "can't be read: Permission denied", ResourceError)
    monkeypatch.setattr(Path, "read_bytes", fail)
    refused(tmp_path, "can't be read: Permission denied", ResourceError)
    monkeypatch.setattr(Path, "iterdir", fail)
    refused(tmp_path, "can't be read: Permission denied", ResourceError)
