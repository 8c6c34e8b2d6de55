"""A server on loopback that speaks OpenAI's protocol, and fails in every way that one can."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "user/served"


@dataclass
class Server:
    """What the server says, and what it was asked.

    Args:
        reply: the text for a prompt; or a whole choice.
        routes: the paths that it has below ``/v1``.
        key: what it asks for; None for nothing.
        model: the name in its answers.
        owner: who owns its models, as ``/models`` says.
        faults: of the coming requests for answers, one each: a status, a status with the address
            that it leads to, a body, or a word of `Handler.fail`.
        delay: seconds that a prompt takes.
        listed: what ``/models`` says in place of its own list, as bytes.
    """

    reply: Callable[[str], Any] = lambda prompt: f"I heard {prompt}."
    routes: tuple[str, ...] = ("completions", "chat/completions", "models")
    key: str | None = None
    model: str = MODEL
    owner: str = "tests"
    faults: list[Any] = field(default_factory=list)
    delay: Callable[[str], float] = lambda prompt: 0.0
    listed: bytes | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    together: int = 0
    most_together: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.faults = list(self.faults)  # used up, and tests share their tables of them


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        said = self.server_of
        said.keys.append(self.headers.get("Authorization"))
        if self.refused():
            return None
        if self.path == "/version":
            return self.send(200, {"version": "0.9.9"})
        if self.path != "/v1/models" or "models" not in said.routes:
            return self.send(404, {"detail": "Not Found"})
        if said.listed is not None:
            return self.send(200, said.listed)
        row = {"id": said.model, "object": "model", "created": 0, "owned_by": said.owner}
        return self.send(200, {"object": "list", "data": [row]})

    def do_POST(self) -> None:
        said = self.server_of
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        route = self.path.removeprefix("/v1/")
        said.keys.append(self.headers.get("Authorization"))
        if self.refused():
            return None
        if route not in said.routes:
            return self.send(404, {"detail": "Not Found"})
        with said.lock:
            said.asked.append((route, body))
            fault = said.faults.pop(0) if said.faults else None
            said.together += 1
            said.most_together = max(said.most_together, said.together)
        try:
            return self.fail(fault, body) if fault is not None else self.answer(route, body)
        finally:
            with said.lock:
                said.together -= 1

    def refused(self) -> bool:
        key = self.server_of.key
        if key is None or self.headers.get("Authorization") == f"Bearer {key}":
            return False
        shown = self.headers.get("Authorization")  # some servers say the key again
        self.send(401, {"error": {"message": f"Incorrect API key provided: {shown}"}})
        return True

    def answer(self, route: str, body: dict[str, Any], **changes: Any) -> None:
        prompt = body.get("prompt") or body["messages"][-1]["content"]
        time.sleep(self.server_of.delay(prompt))
        made = self.server_of.reply(prompt)
        if isinstance(made, str):
            made = {"text": made} if route == "completions" else {"message": {"content": made}}
        choice = {"index": 0, "finish_reason": "stop", **made}
        self.send(
            200,
            {"id": "1", "object": "text_completion", "created": 0, "model": self.server_of.model}
            | {"choices": [choice], **changes},
        )

    def fail(self, fault: Any, body: dict[str, Any]) -> None:
        route = self.path.removeprefix("/v1/")
        if isinstance(fault, int):
            # The client waits for as long as the server asks.
            wait = {"Retry-After": "0.05"} if fault == 429 else {"retry-after-ms": "1"}
            return self.send(fault, {"error": {"message": f"broken with {fault}"}}, wait)
        if isinstance(fault, tuple):
            return self.send(fault[0], {}, {"Location": fault[1]})
        if isinstance(fault, bytes):
            return self.send(200, fault)
        if isinstance(fault, Iterator):  # a body in pieces
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with suppress(OSError):
                for piece in fault:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            return None
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id": "1", "choi')
            self.wfile.flush()
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(2)
            return None
        if fault == "slow":
            time.sleep(0.6)
            with suppress(OSError):
                self.answer(route, body)
            return None
        if fault == "other model":
            return self.answer(route, body, model="another/model")
        if fault == "empty choices":
            return self.answer(route, body, choices=[])
        if fault == "no text":
            return self.answer(route, body, choices=[{"index": 0, "finish_reason": "stop"}])
        if fault == "no JSON":
            return self.send(200, b"<html>Welcome</html>", kind="text/html")
        assert fault == "broken JSON", fault
        return self.send(200, b'{"choices": [')

    def send(
        self,
        status: int,
        document: Any,
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    """A server that runs as long as the block."""
    said = Server(**settings)
    handler = type("Own", (Handler,), {"server_of": said})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client may leave
        said.url = f"http://127.0.0.1:{server.server_port}/v1"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield said
        server.shutdown()
