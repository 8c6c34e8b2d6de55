"""What a server may send: no more than an answer can be long, and no longer than one may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from modelrepair.text.units import in_bytes

MOST_BYTES = 16 * 2**20
"""Of a reply, once it is unpacked: an answer of 100,000 tokens has a hundredth of it."""


def bound(response: Any, seconds: float) -> None:
    """Let the body of a response be read in bounds; a hook of the ``openai`` package's client.

    Its own limit of time is between two pieces, and pieces may come without end.

    Args:
        response: of httpx, before its body is read.
        seconds: that the body may take.
    """
    ends = time.monotonic() + seconds
    for name in ("iter_raw", "iter_bytes"):  # as it came, and unpacked
        setattr(response, name, _within(getattr(response, name), response.request, ends))


def _within(
    pieces: Callable[..., Iterator[bytes]], request: Any, ends: float
) -> Callable[..., Iterator[bytes]]:
    from openai import APIError, APITimeoutError

    def read(*given: Any, **named: Any) -> Iterator[bytes]:
        size = 0
        for piece in pieces(*given, **named):
            size += len(piece)
            if size > MOST_BYTES:
                said = f"it is larger than {in_bytes(MOST_BYTES)}"
                raise APIError(said, request, body=None)
            if time.monotonic() > ends:
                raise APITimeoutError(request)
            yield piece

    return read
