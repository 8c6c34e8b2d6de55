"""A read-only Hub on 127.0.0.1: enough for the real client to look a model up and download it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

INFO = re.compile(r"/api/models/(?P<id>[^/]+/[^/]+)(/revision/(?P<rev>[^/]+))?$")
TREE = re.compile(r"/api/models/(?P<id>[^/]+/[^/]+)/tree/(?P<rev>[^/]+)$")
RESOLVE = re.compile(r"/(?P<id>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)$")
MISSING = {
    "RepoNotFound": (404, "Repository not found"),
    "RevisionNotFound": (404, "Invalid rev id"),
    "EntryNotFound": (404, "Entry not found"),
    "GatedRepo": (403, "Access to this model is restricted"),
}


@dataclass
class Repo:
    """Files by commit; ``head`` is where main points."""

    commits: dict[str, dict[str, bytes]]
    head: str
    gated: bool = False
    private: bool = False


@dataclass
class Hub:
    """The repositories, how the server is reached, and every request as (method, path)."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    token: str = "hf_right"
    status: int | None = None

    def add(self, id: str, files: dict[str, bytes], **flags: bool) -> str:
        """Commit these files to a repository; gives the commit."""
        names = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
        commit = hashlib.sha1((id + names).encode()).hexdigest()
        before = self.repos[id].commits if id in self.repos else {}
        self.repos[id] = Repo({**before, commit: files}, commit, **flags)
        return commit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append((self.command, unquote(path)))
        if self.hub.status is not None:
            return self.answer(self.hub.status, b"{}")
        sent = self.headers.get("Authorization")
        if sent not in (None, f"Bearer {self.hub.token}"):
            said = "Invalid credentials in Authorization header"
            return self.answer(401, b"{}", {"X-Error-Message": said})
        for pattern, handle in ((INFO, self.info), (TREE, self.tree), (RESOLVE, self.resolve)):
            if found := pattern.match(path):
                return self.route(handle, found, sent is not None)
        return self.fail("EntryNotFound")

    def route(self, handle, found, known: bool) -> None:
        repo = self.hub.repos.get(unquote(found["id"]))
        if repo is None or (repo.private and not known):
            return self.fail("RepoNotFound")
        revision = unquote(found["rev"] or "main")
        commit = repo.head if revision == "main" else revision
        if commit not in repo.commits:
            return self.fail("RevisionNotFound")
        if repo.gated and handle != self.info:
            return self.fail("GatedRepo")
        return handle(found, repo, commit)

    def info(self, found, repo: Repo, commit: str) -> None:
        names = [{"rfilename": name} for name in repo.commits[commit]]
        self.json({"id": found["id"], "sha": commit, "siblings": names, "private": repo.private})

    def tree(self, found, repo: Repo, commit: str) -> None:
        self.json(
            [
                {"type": "file", "path": name, "size": len(data), "oid": hash_of(data)}
                for name, data in repo.commits[commit].items()
            ]
        )

    def resolve(self, found, repo: Repo, commit: str) -> None:
        data = repo.commits[commit].get(unquote(found["path"]))
        if data is None:
            return self.fail("EntryNotFound", {"X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hash_of(data)}"', "Accept-Ranges": "bytes"}
        wanted = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        if wanted is None:
            return self.answer(200, data, headers)
        first, last = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return self.answer(206, data[first : last + 1], headers)

    def json(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def fail(self, code: str, headers: dict[str, str] | None = None) -> None:
        status, message = MISSING[code]
        said = {"X-Error-Code": code, "X-Error-Message": message}
        self.answer(status, json.dumps({"error": message}).encode(), {**said, **(headers or {})})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def hash_of(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@contextmanager
def serve() -> Iterator[Hub]:
    """Serve an empty Hub until the end of the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
