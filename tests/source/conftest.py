"""The real Hub client, pointed at the test Hub."""

from __future__ import annotations

import pytest

from tests.support.hub.client import point_at
from tests.support.hub.server import serve


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serve() as hub:
        point_at(hub, monkeypatch, tmp_path)
        monkeypatch.chdir(tmp_path)
        yield hub
