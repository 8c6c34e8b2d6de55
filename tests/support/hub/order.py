"""A source and a set on the local Hub, and what was asked of it."""

from __future__ import annotations

import pytest

from modelrepair.demo import paths
from tests.support.hub.repaired import files_of


@pytest.fixture(name="filled")
def filled_fixture(sets_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", sets_hub.token)
    sets_hub.add("user/broken", files_of(paths.attacked))
    sets_hub.add("org/harm", {"train.jsonl": paths.sets["realign"].read_bytes()}, gated="manual")
    return sets_hub
