"""Requests that change the test Hub: repositories, settings, branches, commits, merges."""

from __future__ import annotations

import base64
import fnmatch
import json
from typing import TYPE_CHECKING

from tests.support.hub import cards, xet
from tests.support.hub.access import commit, may_write, writable
from tests.support.hub.answers import Answer, Failure
from tests.support.hub.reading import ID, MODEL
from tests.support.hub.state import ATTRIBUTES, Blob, Repo, is_large
from tests.support.hub.talks import start, target

if TYPE_CHECKING:
    from tests.support.hub.server import Request


def create(request: Request) -> Answer:
    asked = request.json()
    if request.account is None:
        raise Failure(401, "Invalid username or password.")
    namespace = asked.get("organization") or request.account.name
    id = f"{namespace}/{asked['name']}"
    url = f"{request.hub.url}/{id}"
    if not may_write(request, namespace):
        raise Failure(403, f"You don't have the rights to create a model under {namespace!r}")
    if id in request.hub.repos:
        raise Failure(409, "You already created this model repo", url=url)
    repo = Repo(id, private=asked.get("visibility") == "private")
    request.hub.repos[id] = repo
    files = {".gitattributes": Blob(ATTRIBUTES)}
    request.hub.write(repo, "main", files, "initial commit", author=request.account.name)
    return Answer.of({"url": url})


def delete(request: Request) -> Answer:
    asked = request.json()
    id = f"{asked.get('organization') or request.account.name}/{asked['name']}"
    writable(request, id)
    del request.hub.repos[id]
    return Answer.of({})


def settings(request: Request, id: str) -> Answer:
    repo, asked = writable(request, id), request.json()
    if "visibility" in asked:
        repo.private = asked["visibility"] == "private"
    if "private" in asked:
        repo.private = asked["private"]
    if "gated" in asked:
        repo.gated = asked["gated"]
    return Answer.of({})


def create_branch(request: Request, id: str, name: str) -> Answer:
    repo = writable(request, id)
    if name in repo.refs:
        raise Failure(409, f"Reference {name} exists already")
    start = (json.loads(request.body or b"{}") or {}).get("startingPoint") or "main"
    repo.refs[name] = commit(repo, start).id
    return Answer.of({})


def delete_branch(request: Request, id: str, name: str) -> Answer:
    repo = writable(request, id)
    if repo.refs.pop(name, None) is None:
        raise Failure("RevisionNotFound")
    return Answer.of({})


def validate(request: Request) -> Answer:
    errors = cards.errors(request.json()["content"])
    document = {"errors": [{"message": text} for text in errors], "warnings": []}
    return Answer.of(document, 400 if errors else 200)


def preupload(request: Request, id: str, revision: str) -> Answer:
    repo = target(request, id)
    known = commit(repo, revision).files
    listed = []
    for asked in request.json()["files"]:
        sample = base64.b64decode(asked["sample"])
        large = is_large(asked["path"], asked["size"], sample)
        ignored = any(fnmatch.fnmatch(asked["path"], each) for each in request.hub.ignored)
        found = {"path": asked["path"], "uploadMode": "lfs" if large else "regular",
                 "shouldIgnore": ignored}  # fmt: skip
        if blob := known.get(asked["path"]):
            found["oid"] = blob.sha256 if blob.large else blob.oid
        listed.append(found)
    return Answer.of({"files": listed})


def make_commit(request: Request, id: str, revision: str) -> Answer:
    repo = target(request, id)
    header, *operations = [json.loads(line) for line in request.body.splitlines() if line]
    said, as_pull = header["value"], request.query.get("create_pr") == "1"
    if not as_pull and not may_write(request, id):
        number = revision.removeprefix("refs/pr/")
        own = number.isdigit() and repo.discussions[int(number) - 1].author == request.account.name
        if not own:
            raise Failure(403, "Forbidden: pass `create_pr=1` to open a pull request.")
    parent = commit(repo, revision)
    if said.get("parentCommit") not in (None, parent.id):
        raise Failure(412, "A commit has happened since. Please refresh and try again.")
    files = dict(parent.files)
    for operation in operations:
        _change(request, files, operation["key"], operation["value"])
    written = files.get("README.md")
    if written not in (None, parent.files.get("README.md")) and (
        errors := cards.errors(written.data.decode())
    ):
        raise Failure(400, f"Invalid metadata in README.md: {errors[0]}")
    ref, answer = revision or "main", {}
    if as_pull:
        talk = start(repo, request, said["summary"], said["description"])
        ref = f"refs/pr/{talk.num}"
        answer["pullRequestUrl"] = f"{request.hub.url}/{id}/discussions/{talk.num}"
    made = request.hub.write(repo, ref, files, said["summary"], said["description"],
                             request.account.name, parent.id)  # fmt: skip
    return Answer.of(
        {"commitOid": made, "commitUrl": f"{request.hub.url}/{id}/commit/{made}", **answer}
    )


def _change(request: Request, files: dict[str, Blob], key: str, value: dict) -> None:
    path = value["path"]
    if key == "file":
        files[path] = Blob(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        xet.take(request.hub, value["oid"])
        data = request.hub.objects.get(value["oid"])
        if data is None or len(data) != value["size"]:
            raise Failure(400, f"LFS pointer points to a file that does not exist: {path}")
        files[path] = Blob(data, large=True, xet=request.hub.xet_hashes.get(value["oid"]))
    elif key in ("deletedFile", "deletedFolder"):
        chosen = [p for p in files if p == path or p.startswith(f"{path.rstrip('/')}/")]
        if not chosen:
            raise Failure("EntryNotFound", "A file with this name doesn't exist")
        for name in chosen:
            del files[name]
    else:
        raise Failure(400, f"no operation {key!r}")


ROUTES = [
    ("POST", "/api/repos/create", create),
    ("DELETE", "/api/repos/delete", delete),
    ("PUT", f"{MODEL}/settings", settings),
    ("POST", f"{MODEL}/branch/(?P<name>[^/]+)", create_branch),
    ("DELETE", f"{MODEL}/branch/(?P<name>[^/]+)", delete_branch),
    ("POST", "/api/validate-yaml", validate),
    ("POST", f"{MODEL}/preupload/(?P<revision>[^/]+)", preupload),
    ("POST", f"{MODEL}/commit/(?P<revision>[^/]+)", make_commit),
]
__all__ = ["ID", "ROUTES"]
