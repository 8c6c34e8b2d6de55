"""What the Hub would still have to send of a model."""

from __future__ import annotations

import huggingface_hub.constants as constants

from modelrepair.source.resolve import resolve
from modelrepair.source.to_fetch import bytes_to_fetch
from tests.support.hub.repaired import files_of
from tests.support.small_repairs import make_checkpoint


def test_weights_count_until_they_are_here_and_pickles_never(hub, tmp_path, monkeypatch):
    files = files_of(make_checkpoint(tmp_path / "model", sharded=True))
    hub.add("user/model", {**files, "pytorch_model.bin": b"x" * 9999})
    weights = sum(len(data) for name, data in files.items() if name.endswith(".safetensors"))
    assert bytes_to_fetch(resolve("user/model", weights=False)) == weights
    found = resolve("user/model")
    assert bytes_to_fetch(found) == 0
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    assert bytes_to_fetch(resolve("user/model")) == 0
    assert bytes_to_fetch(resolve(tmp_path / "model")) == 0
    assert hub.requests == []
