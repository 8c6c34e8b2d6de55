"""A test Hub, and the unmodified client with a token that may write."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi
from huggingface_hub.utils import close_session

from tests.hub.client import point_at
from tests.hub.server import serve


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
