"""Two repairs of one source, one after the other."""

from __future__ import annotations

from modelrepair import push
from tests.support.hub.repaired import on_the_hub

HUBS_OWN = ".gitattributes"


def without_hubs_own(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name != HUBS_OWN}


def two_repairs(hub, tmp_path):
    """Two repairs of one commit, and the repository after the first was pushed in place."""
    one = on_the_hub(hub, tmp_path / "one", id="me/model")
    push(one.out, in_place=True)
    repo = hub.repos["me/model"]
    repaired = repo.refs.pop("main")
    two = on_the_hub(hub, tmp_path / "two", id="me/model", store_values=True)
    assert two.manifest.source.commit == one.manifest.source.commit
    repo.refs["main"] = repaired
    return one, two, repo
