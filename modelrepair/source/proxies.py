"""The proxy that the Hub is reached by, as the environment names it."""

from __future__ import annotations

import os

from modelrepair.errors import UnreachableError

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def proxies() -> list[str]:
    """The variables that name a proxy; what is in them may hold a password, and is not shown.

    >>> isinstance(proxies(), list)
    True
    """
    return [name for name in os.environ if name.upper() in VARIABLES and os.environ[name]]


def unusable_proxy(error: BaseException) -> UnreachableError | None:
    """What an error says of a proxy that can't be used at all; None where it says nothing of one.

    >>> unusable_proxy(KeyError("x")) is None
    True

    Args:
        error: whatever the Hub's client raised.
    """
    named = " and ".join(proxies())
    unknown = isinstance(error, ValueError) and "proxy" in str(error).lower()
    socks = isinstance(error, ImportError) and "socks" in str(error).lower()
    if not named or not (unknown or socks):
        return None
    why = "SOCKS needs a package that is not installed" if socks else "it is no proxy's address"
    install = 'pip install "httpx[socks]", or ' if socks else ""
    return UnreachableError(
        f"the proxy in {named} can't be used: {why}",
        hint=f"{install}unset {named.replace(' and ', ' ')}, or give it as http://host:port",
        id="proxy",
    )
