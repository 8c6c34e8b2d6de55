"""Requests that read the test Hub: accounts, repositories, trees, files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from tests.support.hub import xet
from tests.support.hub.access import commit, find, opened, writable
from tests.support.hub.answers import Answer, Failure
from tests.support.hub.state import Blob

if TYPE_CHECKING:
    from tests.support.hub.server import Request

ID = r"(?P<id>[^/]+/[^/]+?)"
DATE = "2026-01-01T00:00:00.000Z"


def whoami(request: Request) -> Answer:
    if request.account is None:
        raise Failure(401, "Invalid username or password.")
    return Answer.of(request.account.whoami())


def info(request: Request, id: str, revision: str = "") -> Answer:
    repo = find(request, id)
    if request.kind not in repo.kind:
        raise Failure("RepoNotFound")
    found = commit(repo, revision)
    siblings: list[dict[str, object]] = []
    for path, blob in found.files.items():
        sibling: dict[str, object] = {"rfilename": path}
        if "blobs" in request.query:
            sibling |= {"size": len(blob.data), "blobId": blob.oid}
            if blob.large:
                sibling["lfs"] = {"sha256": blob.sha256, "size": len(blob.data), "pointerSize": 134}
        siblings.append(sibling)
    document: dict[str, object] = {
        "id": repo.id,
        "sha": found.id,
        "siblings": siblings,
        "private": repo.private,
        "gated": repo.gated,
        "tags": [],
        "lastModified": DATE,
        "cardData": declared(found.files),
    }
    if "securityStatus" in request.query:
        unsafe = [p for p in found.files if repo.infected and p.endswith((".bin", ".pkl"))]
        issues = [{"path": path, "level": "unsafe"} for path in unsafe]
        document["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": issues}
    return Answer.of(document)


def declared(files: dict[str, Blob]) -> dict:
    """What the front matter of a card says; nothing where it is no YAML."""
    card = files["README.md"].data.decode("utf-8", "replace") if "README.md" in files else ""
    try:
        found = yaml.safe_load(card.split("---")[1]) if card.startswith("---") else {}
    except (yaml.YAMLError, IndexError):
        found = {}
    return found if isinstance(found, dict) else {}


def listing(request: Request) -> Answer:
    """All public repositories of an author, with a tag, or with a text in their ids."""
    author, search, tag = (request.query.get(name, "") for name in ("author", "search", "filter"))
    found = [
        {"id": repo.id, "tags": tags, "downloads": 0}
        for repo in request.hub.repos.values()
        if not repo.private and repo.id.startswith(f"{author}/" * bool(author))
        if search.lower() in repo.id.lower()
        for tags in [declared(repo.commit().files).get("tags", []) if repo.refs else []]
        if not tag or tag in tags
    ]
    start, page = int(request.query.get("cursor", 0)), request.hub.page
    headers = {}
    if start + page < len(found):
        asked = f"author={author}&search={search}&filter={tag}&cursor={start + page}"
        headers["Link"] = f'<{request.hub.url}/api/models?{asked}>; rel="next"'
    return Answer.of(found[start : start + page], 200, headers)


def tree(request: Request, id: str, revision: str, path: str = "") -> Answer:
    found = commit(opened(request, id), revision)
    entries = [entry(name, blob) for name, blob in sorted(found.files.items()) if
               not path or name.startswith(f"{path}/")]  # fmt: skip
    if path and not entries:
        raise Failure("EntryNotFound")
    start, page = int(request.query.get("cursor", 0)), request.hub.page
    headers = {}
    if start + page < len(entries):
        base = f"{request.hub.url}/api/models/{id}/tree/{found.id}"
        headers["Link"] = f'<{base}?recursive=true&cursor={start + page}>; rel="next"'
    return Answer.of(entries[start : start + page], 200, headers)


def entry(path: str, blob: Blob) -> dict[str, object]:
    """A file as a tree lists it."""
    made: dict[str, object] = {
        "type": "file",
        "path": path,
        "size": len(blob.data),
        "oid": blob.oid,
    }
    if blob.large:
        made["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
    if blob.xet:
        made["xetHash"] = blob.xet
    return made


def paths_info(request: Request, id: str, revision: str) -> Answer:
    from urllib.parse import parse_qs

    found = commit(opened(request, id), revision)
    asked = parse_qs(request.body.decode()).get("paths", [])
    return Answer.of([entry(p, found.files[p]) for p in asked if p in found.files])


def refs(request: Request, id: str) -> Answer:
    repo = opened(request, id)
    listed = [
        {
            "name": name.removeprefix("refs/pr/"),
            "ref": name if "/" in name else f"refs/heads/{name}",
            "targetCommit": commit,
        }
        for name, commit in repo.refs.items()
    ]
    pulls = [ref for ref in listed if str(ref["ref"]).startswith("refs/pr/")]
    branches = [ref for ref in listed if ref not in pulls]
    document = {"branches": branches, "converts": [], "tags": []}
    return Answer.of(document | ({"pullRequests": pulls} if request.query else {}))


def commits(request: Request, id: str, revision: str) -> Answer:
    repo = opened(request, id)
    listed, at = [], commit(repo, revision)
    while True:
        who = [{"user": at.author}]
        listed.append({"id": at.id, "title": at.title, "message": at.description, "date": DATE,
                       "authors": who})  # fmt: skip
        if at.parent is None:
            return Answer.of(listed)
        at = repo.commits[at.parent]


def resolve(request: Request, id: str, revision: str, path: str) -> Answer:
    repo = opened(request, id)
    found = commit(repo, revision)
    headers = {"X-Repo-Commit": found.id, "Accept-Ranges": "bytes"}
    blob = found.files.get(path)
    if blob is None:
        raise Failure("EntryNotFound", headers={"X-Repo-Commit": found.id})
    if not blob.large:
        return ranged(request, blob.data, {**headers, "ETag": f'"{blob.oid}"'})
    headers |= {
        "X-Linked-Etag": f'"{blob.sha256}"',
        "X-Linked-Size": str(len(blob.data)),
        "Location": f"{request.hub.cdn}/objects/{blob.sha256}",
    }
    if blob.xet:
        headers |= xet.link(request.hub, repo, found.id, blob)
    return Answer(302, headers)


def stored(request: Request, oid: str) -> Answer:
    data = request.hub.objects.get(oid)
    if data is None:
        raise Failure("EntryNotFound")
    return ranged(request, data, {"ETag": f'"{oid}"'})


def ranged(request: Request, data: bytes, headers: dict[str, str]) -> Answer:
    """The bytes that were asked for."""
    wanted = re.match(r"bytes=(\d+)-(\d*)$", request.headers.get("Range", ""))
    if wanted is None:
        return Answer(200, headers, data)
    first, last = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
    if first >= len(data):
        return Answer(416, {**headers, "Content-Range": f"bytes */{len(data)}"})
    shown = f"bytes {first}-{last}/{len(data)}"
    return Answer(206, {**headers, "Content-Range": shown}, data[first : last + 1])


def auth_check(request: Request, id: str) -> Answer:
    opened(request, id)
    return Answer.of({})


def auth_check_write(request: Request, id: str) -> Answer:
    if request.account is None:
        raise Failure(401, "Invalid username or password.")
    writable(request, id)
    return Answer.of({})


MODEL = f"/api/models/{ID}"
ROUTES = [
    ("GET", "/api/whoami-v2", whoami),
    ("GET", "/api/models", listing),
    ("GET", f"{MODEL}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", tree),
    ("POST", f"{MODEL}/paths-info/(?P<revision>[^/]+)", paths_info),
    ("GET", f"{MODEL}/refs", refs),
    ("GET", f"{MODEL}/commits/(?P<revision>[^/]+)", commits),
    ("GET", f"{MODEL}/auth-check", auth_check),
    ("GET", f"{MODEL}/auth-check/write", auth_check_write),
    ("GET", f"{MODEL}(?:/revision/(?P<revision>[^/]+))?", info),
    ("GET", f"/api/spaces/{ID}", info),
    ("GET", "/api/models/(?P<id>[^/]+)", info),
    ("GET", f"/{ID}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
    ("GET", "/objects/(?P<oid>[0-9a-f]+)", stored),
]
