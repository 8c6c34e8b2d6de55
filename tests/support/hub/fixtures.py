"""A test Hub for the unmodified client: with a token that may write, or one of data sets."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi
from huggingface_hub.utils import close_session

from tests.support.hub.client import point_at
from tests.support.hub.server import serve


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serve() as hub:
        point_at(hub, monkeypatch, tmp_path)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        yield hub


@pytest.fixture
def api(hub):
    """The client as it comes: what an earlier test's command made of it in this process is gone."""
    close_session()
    return HfApi()


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
