"""The test Hub as a server on 127.0.0.1: it speaks what the unmodified huggingface_hub speaks."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.hub import machines, reading, sets, talks, uploads, writing
from tests.support.hub.answers import Answer, Failure
from tests.support.hub.faults import Fault
from tests.support.hub.state import Account, Hub

ROUTES = [
    (method, re.compile(f"{pattern}$"), handle)
    for routes in (talks, machines, reading, sets, writing, uploads)
    for method, pattern, handle in routes.ROUTES
]


class Request:
    """One request: who asks, for what, with what."""

    def __init__(self, handler: Handler, query: dict[str, str], body: bytes, sent: str | None):
        self.hub = handler.hub
        self.method = handler.command
        self.headers = handler.headers
        self.query, self.body = query, body
        self.kind = handler.path.removeprefix("/api/").partition("/")[0]
        token = (sent or "").removeprefix("Bearer ")
        self.account: Account | None = self.hub.accounts.get(token) if sent else None

    def json(self) -> dict:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: else every answer waits for the other side's delayed "received".
    wbufsize = -1
    disable_nagle_algorithm = True
    hub: Hub
    role = "hub"

    def log_message(self, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.hub.requests.append((self.command, path))
        sent = self.headers.get("Authorization")
        self.hub.tokens_seen.append((self.role, sent))
        fault = next((f for f in self.hub.faults if f.strikes(self.command, path)), None)
        if fault and fault.delay:
            time.sleep(fault.delay)
        if fault and fault.cut is not None and self.command == "PUT":
            self.rfile.read(fault.cut)
            return self.hang_up()
        body = self.read_body()
        self.hub.received += len(body)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        request = Request(self, query, body, sent)
        answer = self.find_answer(request, parts.path, sent, fault)
        if fault and fault.lost:
            return self.hang_up()
        return self.answer(answer, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def find_answer(
        self, request: Request, path: str, sent: str | None, fault: Fault | None
    ) -> Answer:
        if fault and fault.act:
            fault.act(self.hub)  # type: ignore[operator]
        if fault and fault.status:
            headers = {**fault.headers, "X-Error-Message": fault.message}
            if fault.code:
                headers["X-Error-Code"] = fault.code
            return Answer.of({"error": fault.message}, fault.status, headers)
        if self.hub.status is not None:
            return Answer.of({}, self.hub.status)
        known = request.account
        if self.role == "hub" and sent is not None and (known is None or known.expired):
            said = "Invalid credentials in Authorization header"
            said = 'User Access Token "a token" is expired' if known else said
            return Answer.of({"error": said}, 401, {"X-Error-Message": said})
        for old, new in self.hub.renamed.items():
            moved = re.sub(f"/{re.escape(old)}(?=[/.?]|$)", f"/{new}", self.path)
            if moved != self.path:
                return Answer(307, {"Location": moved})
        for method, pattern, handle in ROUTES:
            found = pattern.match(path)
            if found and self.command in (method, "HEAD" if method == "GET" else method):
                words = {name: unquote(text or "") for name, text in found.groupdict().items()}
                try:
                    with self.hub.lock:
                        return handle(request, **words)
                except Failure as failure:
                    return failure.answer
        return Failure("EntryNotFound").answer

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, answer: Answer, fault: Fault | None) -> None:
        body = answer.body
        if fault and fault.corrupt and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.hub.sent[urlsplit(self.path).path] += len(body)
        if fault and fault.cut is not None:
            self.wfile.write(body[: fault.cut])
            self.hang_up()
        else:
            self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is its own business."""


@contextmanager
def serve(xet: Path | None = None) -> Iterator[Hub]:
    """Serve an empty Hub until the end of the block, with a store of large files beside it.

    Args:
        xet: a folder for the Xet store; without it nothing can be uploaded by Xet.
    """
    hub = Hub(xet_folder=xet)
    servers = []
    # Large files come from another origin, as on the real Hub: a client that sends its token
    # there, or takes the redirect for an answer, is found out.
    for role in ("hub", "cdn"):
        kind = type("OwnHandler", (Handler,), {"hub": hub, "role": role})
        server = Server(("127.0.0.1", 0), kind)
        setattr(hub, "url" if role == "hub" else role, f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
