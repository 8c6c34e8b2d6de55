"""Xet on the test Hub: the client writes its chunks to a folder, the server finds them there."""

from __future__ import annotations

import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.hub.answers import Answer, Failure

if TYPE_CHECKING:
    from tests.support.hub.state import Blob, Hub, Repo

HEADER, SEGMENT, BOOKEND = 48, 48, b"\xff" * 32
WITH_VERIFICATION, WITH_METADATA = 1 << 31, 1 << 30


def token(hub: Hub) -> Answer:
    """Where the chunks go, in the body for uploads and in the headers for downloads."""
    if hub.xet_folder is None:
        raise Failure("EntryNotFound")
    cas, until, word = f"local://{hub.xet_folder}", int(time.time()) + 3600, "xet-token"
    headers = {
        "X-Xet-Cas-Url": cas,
        "X-Xet-Token-Expiration": str(until),
        "X-Xet-Access-Token": word,
    }
    return Answer.of({"casUrl": cas, "exp": until, "accessToken": word}, 200, headers)


def link(hub: Hub, repo: Repo, commit: str, blob: Blob) -> dict[str, str]:
    """The headers by which a client takes a file by Xet."""
    route = f"{hub.url}/api/models/{repo.id}/xet-read-token/{commit}"
    return {"X-Xet-Hash": str(blob.xet), "Link": f'<{route}>; rel="xet-auth"'}


def take(hub: Hub, oid: str) -> None:
    """Fetch an object that was uploaded by Xet, so that it can be served without Xet, too."""
    if oid in hub.objects or hub.xet_folder is None:
        return
    found = dict(files_in(hub.xet_folder))
    if oid not in found:
        return
    hash, size = found[oid]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        _download(hub.xet_folder, hash, size, path)
        hub.objects[oid] = path.read_bytes()
    hub.xet_hashes[oid] = hash


def files_in(folder: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """SHA-256 → Xet hash and size, of every file that the store's shards describe."""
    for shard in sorted((folder / "xet" / "xorbs" / "shards").glob("*.mdb")):
        data, at = shard.read_bytes(), HEADER
        while data[at : at + 32] != BOOKEND:
            hash = _shown(data[at : at + 32])
            flags, count = struct.unpack_from("<II", data, at + 32)
            at += HEADER
            sizes = [struct.unpack_from("<I", data, at + n * SEGMENT + 36)[0] for n in range(count)]
            at += count * SEGMENT * (2 if flags & WITH_VERIFICATION else 1)
            if flags & WITH_METADATA:
                yield _shown(data[at : at + 32]), (hash, sum(sizes))
                at += 48


def _shown(raw: bytes) -> str:
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def _download(folder: Path, hash: str, size: int, path: Path) -> None:
    import hf_xet
    from huggingface_hub.utils._xet import get_xet_session

    with get_xet_session().new_file_download_group(
        endpoint=f"local://{folder}",
        token="xet-token",
        token_expiry_unix_secs=int(time.time()) + 3600,
    ) as group:
        group.start_download_file(hf_xet.XetFileInfo(hash, size), str(path))
