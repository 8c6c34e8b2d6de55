"""Requests about data sets: the same repositories, under the routes of sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.hub import reading
from tests.support.hub.access import commit, opened
from tests.support.hub.answers import Answer, Failure
from tests.support.hub.state import Blob

if TYPE_CHECKING:
    from tests.support.hub.server import Request


def tree(request: Request, id: str, revision: str, path: str = "") -> Answer:
    """Files and folders below a folder; without ``recursive`` its own alone."""
    everything = entries(commit(opened(request, id), revision).files)
    below = f"{path}/" if path else ""
    deep = request.query.get("recursive", "").lower() == "true"
    found = [
        each
        for each in everything
        if str(each["path"]).startswith(below)
        and (deep or "/" not in str(each["path"]).removeprefix(below))
    ]
    if not found:
        raise Failure("EntryNotFound")
    return Answer.of(found)


def paths_info(request: Request, id: str, revision: str) -> Answer:
    """What is at these paths: files, and folders that they are in."""
    wanted = request.json()["paths"]
    files = commit(opened(request, id), revision).files
    return Answer.of([each for each in entries(files) if each["path"] in wanted])


def entries(files: dict[str, Blob]) -> list[dict[str, object]]:
    """The folders of these files, and the files."""
    folders = {name[:place] for name in files for place, sign in enumerate(name) if sign == "/"}
    return [
        *({"type": "directory", "path": name, "oid": "0" * 40} for name in sorted(folders)),
        *(reading.entry(name, blob) for name, blob in sorted(files.items())),
    ]


SET = f"/api/datasets/{reading.ID}"
ROUTES = [
    ("GET", "/api/datasets", reading.listing),
    ("GET", f"{SET}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", tree),
    ("POST", f"{SET}/paths-info/(?P<revision>[^/]+)", paths_info),
    ("GET", f"{SET}(?:/revision/(?P<revision>[^/]+))?", reading.info),
    ("GET", f"/datasets/{reading.ID}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", reading.resolve),
]
