"""The real clients of the Hub, pointed at data sets of our own."""

from __future__ import annotations

import pytest

from tests.hub.client import point_at
from tests.hub.server import serve


@pytest.fixture
def sets_hub(monkeypatch, tmp_path):
    """A Hub of data sets for the real clients in this process."""
    import datasets
    from huggingface_hub import hf_file_system

    with serve() as hub:
        point_at(hub, monkeypatch, tmp_path)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        hf_file_system.HfFileSystem.clear_instance_cache()
        monkeypatch.chdir(tmp_path)
        yield hub
