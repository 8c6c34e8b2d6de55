"""A Hub that asks to wait, or is slow to answer: said, waited for, and given up after a limit.

The Hub's client waits in silence, as long as the Hub asks it to; and where it asks about a
repository it does not wait at all. So what it sends is watched: a question that the Hub puts off
(429) or leaves unanswered is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import sleep
from typing import Any

from modelrepair.errors import UnreachableError

MOST_WAIT = 330
"""Seconds that one question is put off; the Hub counts requests over five minutes."""
ANSWER = 10.0
"""Seconds without a byte after which a question is asked again; doubled each time."""
TURNS = 3
ASKING = ("GET", "HEAD")
"""Methods that change nothing; what is sent to the Hub its client sends again."""

_listeners: list[Callable[[str], object]] = []


@contextmanager
def heard(note: Callable[[str], object]) -> Iterator[None]:
    """Report here, until the block ends, what the Hub is waited for.

    >>> with heard(print):
    ...     _tell("the Hub asks to wait 37 s: too many requests")
    the Hub asks to wait 37 s: too many requests

    Args:
        note: takes one line, from any thread.
    """
    _listeners.append(note)
    try:
        yield
    finally:
        _listeners.remove(note)


def be_patient() -> None:
    """Watch what the Hub's client sends, from now on; again does no harm.

    >>> be_patient()
    """
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return
    # The one client of this process, made by whatever factory its user chose: it is kept as it is.
    client: Any = get_session()
    if not isinstance(client.send, partial):
        client.send = partial(_send, client.send)


def _send(send: Callable[..., Any], request: Any, **options: Any) -> Any:
    """Send a request; what changes nothing, again where the Hub puts it off or is slow.

    Raises:
        UnreachableError: the limit is over.
    """
    import httpx2

    if request.method not in ASKING:
        return send(request, **options)
    given = dict(request.extensions.get("timeout") or {})
    waited, tries, turn = 0, 0, 0
    while True:
        seconds = max(given.get("read") or ANSWER, ANSWER) * 2**turn
        patient = {"connect": seconds, "read": seconds}
        request.extensions = {**request.extensions, "timeout": {**given, **patient}}
        try:
            answer = send(request, **options)
        except httpx2.TimeoutException:
            turn += 1
            said = f"the Hub has not answered for {seconds:g} s"
            if turn == TURNS:
                raise UnreachableError(said, hint="check the network, or try later") from None
            _tell(f"{said}: asked again")
            continue
        if answer.status_code != 429:
            return answer
        wait = _asked(answer.headers) or min(2**tries, 60)
        answer.close()
        said = f"the Hub asks to wait {wait} s: too many requests"
        if waited + wait > MOST_WAIT:
            raise UnreachableError(
                f"{said}{f', and {waited} s have passed' if waited else ''}",
                hint="run the same command again then; hf auth login allows more requests",
                id="too-many-requests",
            )
        _tell(said)
        sleep(wait)
        waited, tries = waited + wait, tries + 1


def _asked(headers: Any) -> int | None:
    """How long an answer asks to wait, in seconds and one more; None where it does not say."""
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return int(limit.reset_in_seconds) + 1
    asked = str(headers.get("Retry-After", "")).strip()
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else None


def _tell(line: str) -> None:
    if _listeners:
        _listeners[-1](line)
