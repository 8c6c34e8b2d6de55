"""Of a source that was repaired before, its record alone is fetched, and once."""

from __future__ import annotations

from pathlib import Path

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.pipeline.history import repaired_before
from modelrepair.source.resolve import resolve
from tests.support.hub.repaired import files_of

KEPT = Path(__file__).parents[1] / "kept" / "repairs" / "weight"


def test_on_the_hub_the_record_alone_is_fetched(hub):
    hub.add("me/mine-repaired", files_of(KEPT))
    source = resolve("me/mine-repaired", weights=False)
    hub.requests.clear()
    assert repaired_before(source).startswith("the source was repaired before")
    asked = [path for _, path in hub.requests]
    assert asked and all(path.endswith(MANIFEST_NAME) for path in asked)
    hub.requests.clear()
    assert repaired_before(source).startswith("the source was repaired before")
    assert not [method for method, _ in hub.requests if method == "GET"]
