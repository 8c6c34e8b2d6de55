"""What goes wrong while something is pushed, each in one line with what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from modelrepair.errors import HubError, ModelRepairError, ResourceError, UnreachableError
from modelrepair.source.patience import be_patient
from modelrepair.source.proxies import unusable_proxy
from modelrepair.source.scopes import ANOTHER, has_expired

NETWORK = ("httpx", "httpx2", "httpcore", "httpcore2", "h11")
DISK = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def push_errors(target: str, finish: str) -> Iterator[None]:
    """Tell whatever the Hub or the network does to a push.

    >>> with push_errors("me/model", "modelrepair push out"):
    ...     pass

    Args:
        target: the repository.
        finish: the command that goes on where this was stopped.

    Raises:
        HubError: for every error of the Hub's client and of the network.
        ResourceError: the disk of this machine is full.
    """
    try:
        be_patient()
        yield
    except UnreachableError as error:
        raise UnreachableError(str(error), hint=f"{error.hint}; {_again(finish)}") from None
    except ModelRepairError:
        raise
    except Exception as error:
        told = _tell(error, target, finish)
        if told is None:
            raise
        raise told from error


def _again(finish: str) -> str:
    return f"finish it with: {finish}"


def _tell(error: BaseException, target: str, finish: str) -> ModelRepairError | None:
    from huggingface_hub import errors

    again = _again(finish)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubError("nothing can be pushed offline", hint=f"unset HF_HUB_OFFLINE, then {again}")
    if isinstance(error, errors.GatedRepoError):
        return HubError(
            f"{target} is gated, and this account has no access",
            hint=f"accept its conditions, then {again}",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubError(
            f"there is no {target} on the Hub, or this token may not see it",
            hint=f"check the name and the token, then {again}",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{target} has no such branch any more", hint=again)
    if isinstance(error, ValueError) and "metadata in README.md" in str(error):
        return HubError(
            f"the Hub does not take the card: {_said(error)}",
            hint=f"correct the front matter of the source's card and repair it again, or {again}",
        )
    if isinstance(error, errors.HfHubHTTPError):
        return _of_status(error, target, again)
    if isinstance(error, OSError) and error.errno in DISK:
        return ResourceError(
            f"the push to {target} needs room on this disk: {error.strerror}",
            hint=f"free some, or set HF_HOME to another disk, then {again}",
        )
    if (proxy := unusable_proxy(error)) is not None:
        return HubError(str(proxy), hint=f"{proxy.hint}; {again}")
    if _is_network(error):
        return HubError(
            f"the connection to the Hub broke during the push to {target}: {_line(error)}",
            hint=again,
        )
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        # The client wraps what went wrong with one file.
        return _tell(error.__cause__, target, finish)
    if isinstance(error, ValueError) and "LFS" in str(error):
        return HubError(f"the Hub refuses a file for {target}: {_last(error)}", hint=again)
    if isinstance(error, ValueError) and type(error).__name__ == "JSONDecodeError":
        return HubError(f"the Hub's answer for {target} is no JSON", hint=f"try later: {again}")
    return None


def _of_status(error: Exception, target: str, again: str) -> HubError:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    message = " ".join(str(getattr(error, "server_message", None) or "").split())[:200]
    because = f": {message}" if message else ""
    if status == 401:
        if has_expired(error):
            return HubError("the token for the Hub has expired", hint=f"{ANOTHER}, then {again}")
        return HubError(
            f"the Hub refuses the token, for {target}", hint=f"run: hf auth login, then {again}"
        )
    if status == 403:
        return HubError(
            f"the token gives no right to write to {target}{because}",
            hint=f"use a token that may write there, then {again}",
        )
    if status == 409:
        return HubError(f"somebody else is changing {target}{because}", hint=again)
    if status == 412:
        return HubError(
            f"{target} got another commit in the meantime",
            hint=f"look at what it changed, then {again}",
        )
    if status == 429:
        wait = getattr(response, "headers", {}).get("Retry-After")
        when = f" for {wait} s" if wait else ""
        return HubError(f"the Hub asks for a pause{when}: too many requests", hint=f"then {again}")
    return HubError(f"the Hub answers {status} for {target}{because}", hint=f"later, {again}")


def _is_network(error: BaseException) -> bool:
    origin = type(error).__module__.partition(".")[0]
    return origin in NETWORK or isinstance(error, (ConnectionError, TimeoutError))


def _said(error: Exception) -> str:
    lines = [line.strip(" -") for line in str(error).splitlines()]
    return next((line for line in lines[1:] if line), lines[0])[:200]


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _last(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1][:200]
