"""Which folder a mask is compared with: the source's own, or a merge that is made again."""

from __future__ import annotations

import pytest

from modelrepair.checkpoint.weight_files import ADAPTER
from modelrepair.errors import UsageError
from modelrepair.verification.merged_source import original


def test_a_whole_model_and_masked_factors_are_their_own(tmp_path):
    with original(tmp_path, None, "weight") as folder:
        assert folder == tmp_path
    (tmp_path / ADAPTER).write_bytes(b"")
    with original(tmp_path, None, "factor") as folder:
        assert folder == tmp_path


def test_a_merged_adapter_needs_its_base(tmp_path):
    (tmp_path / ADAPTER).write_bytes(b"")
    with (
        pytest.raises(UsageError, match="is an adapter") as error,
        original(tmp_path, None, "weight"),
    ):
        pass
    assert "--base" in error.value.hint


def test_the_merge_is_gone_after_the_comparison(tmp_path, monkeypatch):
    def merge(source, base, out, progress, include):
        out.mkdir()
        (out / "model.safetensors").write_bytes(f"{source.name} in {base.name}".encode())

    monkeypatch.setattr("modelrepair.engine.merge.merge", merge)
    source = tmp_path / "adapter"
    source.mkdir()
    (source / ADAPTER).write_bytes(b"")
    with original(source, tmp_path / "base", "weight") as folder:
        assert (folder / "model.safetensors").read_bytes() == b"adapter in base"
    assert not folder.exists()
