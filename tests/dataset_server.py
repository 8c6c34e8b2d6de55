"""Data sets on the Hub of `tests.hub_server`: the same repositories, under the routes of sets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

from tests import hub_server


class Handler(hub_server.Handler, BaseHTTPRequestHandler):
    """Answers for data sets what the other answers for models."""

    def do_GET(self) -> None:
        # The parts of a data set's addresses are those of a model's behind another prefix.
        self.path = self.path.replace("/api/datasets/", "/api/models/", 1)
        if self.path.startswith("/datasets/"):
            self.path = self.path.removeprefix("/datasets")
        path, _, query = self.path.partition("?")
        if "/tree/" in path:
            return self.below(path, "recursive=true" in query.lower())
        return super().do_GET()

    def do_POST(self) -> None:
        """What is at these paths: files, and folders that they are in."""
        path = urlsplit(self.path).path
        self.hub.requests.append((self.command, unquote(path)))
        id, _, revision = path.removeprefix("/api/datasets/").partition("/paths-info/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = json.loads(body)["paths"]
        repo = self.hub.repos[unquote(id)]
        self.json([each for each in self.entries(repo.commits[revision]) if each["path"] in wanted])

    def info(self, found, repo, commit: str) -> None:
        """As the other, with what the card declares."""
        card = repo.commits[commit].get("README.md", b"").decode()
        declared = yaml.safe_load(card.split("---")[1]) if card.startswith("---") else {}
        names = [{"rfilename": name} for name in repo.commits[commit]]
        self.json({"id": found["id"], "sha": commit, "siblings": names, "cardData": declared})

    def below(self, path: str, recursive: bool) -> None:
        self.hub.requests.append((self.command, unquote(path)))
        id, _, rest = path.removeprefix("/api/models/").partition("/tree/")
        revision, _, folder = unquote(rest).partition("/")
        repo = self.hub.repos[unquote(id)]
        if repo.gated:
            return self.fail("GatedRepo")
        found = [
            each
            for each in self.entries(repo.commits[revision])
            if each["path"].startswith(f"{folder}/" if folder else "")
            and (recursive or "/" not in each["path"].removeprefix(folder).strip("/"))
        ]
        return self.json(found) if found else self.fail("EntryNotFound")

    @staticmethod
    def entries(files: dict[str, bytes]) -> list[dict]:
        folders = {name[:place] for name in files for place, sign in enumerate(name) if sign == "/"}
        return [
            *({"type": "directory", "path": name, "oid": "0" * 40} for name in sorted(folders)),
            *(
                {"type": "file", "path": name, "size": len(data), "oid": hub_server.hash_of(data)}
                for name, data in sorted(files.items())
            ),
        ]


@contextmanager
def serve() -> Iterator[hub_server.Hub]:
    """Serve an empty Hub until the end of the block."""
    hub = hub_server.Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
