"""The network, shut for a while: what asks for it fails, and is on record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

EVENTS = {
    "socket.getaddrinfo": "looks up {0}",
    "socket.gethostbyname": "looks up {0}",
    "socket.connect": "connects to {1}",
    "socket.sendto": "sends to {1}",
}
"""What Python reports of the network, and how that is said."""
_watching: list[list[str]] = []


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Refuse every use of the network, from C code too; gives the list of what was tried.

    >>> import socket
    >>> with no_network() as tried:
    ...     try:
    ...         socket.create_connection(("localhost", 9))
    ...     except OSError as error:
    ...         print(error)
    the network is shut
    >>> tried
    ['looks up localhost']
    """
    _listen()
    tried: list[str] = []
    _watching.append(tried)
    try:
        yield tried
    finally:
        _watching.pop()


@cache
def _listen() -> None:
    # A hook can't be taken away again: it is added once, and asks each time.
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in EVENTS:
        _watching[-1].append(EVENTS[event].format(*arguments))
        raise OSError("the network is shut")
