"""The real clients of the Hub, pointed at data sets of our own."""

from __future__ import annotations

import pytest

from tests.dataset_server import serve


@pytest.fixture
def sets_hub(monkeypatch, tmp_path):
    """A Hub of data sets for the real clients in this process."""
    import datasets
    import huggingface_hub.constants as constants
    from huggingface_hub import hf_file_system

    with serve() as hub:
        address = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        hf_file_system.HfFileSystem.clear_instance_cache()
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.chdir(tmp_path)
        yield hub
