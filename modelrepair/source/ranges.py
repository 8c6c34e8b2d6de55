"""A part of a file on the Hub, without the rest of it."""

from __future__ import annotations

from typing import Any

from modelrepair.errors import HubError
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.resolve import Source
from modelrepair.source.signed import Signed


def read_range(
    source: Source, name: str, start: int, end: int, signed: Signed | None = None
) -> bytes:
    """The bytes of a file from ``start`` up to ``end``; from disk where it was fetched before.

    >>> source = resolve("user/model", weights=False)               # doctest: +SKIP
    >>> len(read_range(source, "model.safetensors", 0, 8))          # doctest: +SKIP
    8

    Args:
        source: a repository at a commit.
        name: the file's path in it.
        start: the first byte.
        end: the byte behind the last one.
        signed: for a large file, where its address is kept from one call to the next.

    Raises:
        HubError: the Hub, the rights on it, or the network; or it gave other bytes than these.
    """
    here = source.folder / name
    if here.is_file() and here.stat().st_size == source.sizes.get(name):
        with here.open("rb") as file:  # an earlier run has fetched it
            file.seek(start)
            return file.read(end - start)
    from huggingface_hub import hf_hub_url
    from huggingface_hub import utils as found

    client: Any = found  # it names what it exports where mypy does not look

    if start >= end:
        return b""
    id = str(source.id)
    asked = f"bytes={start}-{end - 1}"
    url = hf_hub_url(id, name, revision=source.commit)
    with hub_errors(id, source.commit):
        if signed is None:
            headers = {**client.build_hf_headers(), "range": asked}
            answer = client.http_backoff("GET", url, headers=headers, follow_redirects=True)
        else:
            answer = signed.get(url, asked)
        client.hf_raise_for_status(answer)
        data = bytes(answer.content)
    # A server that does not know ranges sends the whole file.
    whole = answer.status_code == 200 and len(data) == source.sizes.get(name)
    data = data[start:end] if whole else data
    if len(data) != end - start:
        raise HubError(
            f"{name} of {id}: asked for {end - start:,} bytes, and got {len(data):,}",
            hint="run the same command again",
            id="damaged-download",
        )
    return data
