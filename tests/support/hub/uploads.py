"""Large files on their way to the test Hub: LFS in one piece or in parts, and Xet's tokens."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.support.hub import xet
from tests.support.hub.access import may_propose, opened
from tests.support.hub.answers import Answer, Failure
from tests.support.hub.reading import ID, MODEL

if TYPE_CHECKING:
    from tests.support.hub.server import Request


def batch(request: Request, id: str) -> Answer:
    hub = request.hub
    opened(request, id)
    if not may_propose(request, id):
        raise Failure(403, "Forbidden: you must use a write token.")
    listed = []
    for asked in request.json()["objects"]:
        oid, size = asked["oid"], asked["size"]
        found: dict = {"oid": oid, "size": size}
        if hub.quota and size > hub.quota:
            found["error"] = {"code": 413, "message": "your storage is full"}
        elif oid not in hub.objects:
            verify = {"href": f"{hub.url}/{id}/verify"}
            if hub.part and size > hub.part:
                count = -(-size // hub.part)
                parts = {str(n): f"{hub.cdn}/parts/{oid}/{n}" for n in range(1, count + 1)}
                header = {"chunk_size": str(hub.part), **parts}
                upload = {"href": f"{hub.url}/{id}/complete/{oid}", "header": header}
            else:
                upload = {"href": f"{hub.cdn}/upload/{oid}"}
            found["actions"] = {"upload": upload, "verify": verify}
        listed.append(found)
    return Answer.of({"transfer": "basic", "objects": listed})


def upload(request: Request, oid: str) -> Answer:
    if hashlib.sha256(request.body).hexdigest() != oid:
        raise Failure(400, "the checksum does not match")
    request.hub.objects[oid] = request.body
    return Answer.of({})


def upload_part(request: Request, oid: str, number: str) -> Answer:
    request.hub.objects[f"{oid}/{number}"] = request.body
    return Answer(200, {"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})


def complete(request: Request, id: str, oid: str) -> Answer:
    hub, numbers = request.hub, [part["partNumber"] for part in request.json()["parts"]]
    data = b"".join(hub.objects.pop(f"{oid}/{number}") for number in numbers)
    if hashlib.sha256(data).hexdigest() != oid:
        raise Failure(400, "the checksum does not match")
    hub.objects[oid] = data
    return Answer.of({})


def verify(request: Request, id: str) -> Answer:
    asked = request.json()
    if len(request.hub.objects.get(asked["oid"], b"")) != asked["size"]:
        raise Failure(404, "the object was not uploaded")
    return Answer.of({})


def xet_write(request: Request, id: str, revision: str) -> Answer:
    opened(request, id)
    if not may_propose(request, id):
        raise Failure(403, "Forbidden: you must use a write token.")
    return xet.token(request.hub)


def xet_read(request: Request, id: str, revision: str) -> Answer:
    opened(request, id)
    return xet.token(request.hub)


ROUTES = [
    ("POST", rf"/{ID}\.git/info/lfs/objects/batch", batch),
    ("PUT", "/upload/(?P<oid>[0-9a-f]+)", upload),
    ("PUT", "/parts/(?P<oid>[0-9a-f]+)/(?P<number>[0-9]+)", upload_part),
    ("POST", f"/{ID}/complete/(?P<oid>[0-9a-f]+)", complete),
    ("POST", f"/{ID}/verify", verify),
    ("GET", f"{MODEL}/xet-write-token/(?P<revision>[^/]+)", xet_write),
    ("GET", f"{MODEL}/xet-read-token/(?P<revision>[^/]+)", xet_read),
]
