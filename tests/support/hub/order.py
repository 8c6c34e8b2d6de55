"""A source and a set on the local Hub, and what was asked of it."""

from __future__ import annotations

import pytest

from modelrepair.demo import paths
from tests.support.hub.repaired import files_of

SETS = ["--realign=org/harm", "--utility=none", "--borderline=none", "--judge=demo-world"]
FIXED = ["--ratio=0.01", "--no-evaluate", "--reference=none", "--json"]


@pytest.fixture(name="filled")
def filled_fixture(sets_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", sets_hub.token)
    sets_hub.add("user/broken", files_of(paths.attacked))
    sets_hub.add("org/harm", {"train.jsonl": paths.sets["realign"].read_bytes()}, gated="manual")
    return sets_hub


def asked(hub) -> list[str]:
    """What was asked for, each kind once, in the order in which it was first asked for."""
    kinds = []
    for _, path in hub.requests:
        data = "set" if "org/harm" in path else None
        weights = "weights" if path.endswith(".safetensors") else "source"
        kinds.append(data or ("account" if "whoami" in path else weights))
    return list(dict.fromkeys(kinds))
