"""What goes wrong on the Hub: one table from the client's exceptions to ours, with what to do."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelrepair.errors import HubError, ModelRepairError, ResourceError, UnreachableError
from modelrepair.source.patience import be_patient
from modelrepair.source.proxies import proxies, unusable_proxy
from modelrepair.source.scopes import (
    ANOTHER,
    READ,
    TOKENS,
    add_right,
    has_expired,
    reads_no_gated,
    reads_nothing_of,
)
from modelrepair.source.suggestions import did_you_mean, near_ids, near_paths, other_kinds

LATER = "try again later"
NETWORK = ("httpx", "httpx2", "httpcore", "httpcore2", "h11")
"""Where the client's network layer is from; it is not part of the client's interface."""
BROKEN = ("ReadError", "ReadTimeout", "RemoteProtocolError", "WriteError", "WriteTimeout")
"""What the network layer calls a connection that there was."""


@dataclass(frozen=True)
class _Request:
    """What was asked of the Hub.

    Args:
        id: the repository.
        revision: the one that was asked for.
        kind: "model" or "dataset".
        finish: the command that finishes a push.
    """

    id: str
    revision: str | None = None
    kind: str = "model"
    finish: str = ""


_Says = Callable[[BaseException, _Request], ModelRepairError]


@dataclass(frozen=True)
class _Case:
    """One row of the table.

    Args:
        id: of the error that is raised.
        fits: whether an exception of the client's is of this kind.
        reading: what is said of it while something is fetched; None where it is the same.
        pushing: what is said of it while something is pushed; None likewise.
    """

    id: str
    fits: Callable[[BaseException], bool]
    reading: _Says | None
    pushing: _Says | None


@contextmanager
def hub_errors(id: str, revision: str | None = None, *, kind: str = "model") -> Iterator[None]:
    """Say in one line what goes wrong while something is read from the Hub, and what to do.

    >>> with hub_errors("user/name"):
    ...     pass

    Args:
        id: the repository.
        revision: the one that is asked for.
        kind: "model" or "dataset".

    Raises:
        HubError: for every error of the Hub's client and of the network.
        ResourceError: the disk is full or can't be written.
    """
    try:
        be_patient()
        yield
    except ModelRepairError:
        raise
    except Exception as error:
        request = _Request(id, revision, kind)
        for case in _CASES:
            if case.reading is not None and case.fits(error):
                raise _with_id(case.reading(error, request), case.id) from None
        raise


@contextmanager
def push_errors(target: str, finish: str) -> Iterator[None]:
    """Say in one line what goes wrong while something is pushed, and how to finish it.

    >>> with push_errors("me/model", "modelrepair push out"):
    ...     pass

    Args:
        target: the repository.
        finish: the command that resumes where this was stopped.

    Raises:
        HubError: for every error of the Hub's client and of the network.
        ResourceError: the disk of this machine is full.
    """
    request = _Request(target, finish=finish)
    try:
        be_patient()
        yield
    except UnreachableError as error:
        hint = f"{error.hint}; finish it with: {finish}"
        raise UnreachableError(str(error), hint=hint, id=error.id) from None
    except ModelRepairError:
        raise
    except Exception as error:
        cause = _unwrapped(error)
        for case in _CASES:
            if case.pushing is not None and case.fits(cause):
                raise _with_id(case.pushing(cause, request), case.id) from error
        raise


def _with_id(error: ModelRepairError, id: str) -> ModelRepairError:
    return type(error)(str(error), hint=error.hint, id=id)


def _unwrapped(error: BaseException) -> BaseException:
    """What went wrong with one file: the client wraps it."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _client(name: str) -> Callable[[BaseException], bool]:
    """An exception of the client's, by name: it is imported only where something went wrong."""

    def fits(error: BaseException) -> bool:
        from huggingface_hub import errors

        return isinstance(error, getattr(errors, name))

    return fits


def _status(*statuses: int) -> Callable[[BaseException], bool]:
    """An answer of the Hub's with one of these statuses; with any where none is given."""
    answers = _client("HfHubHTTPError")

    def fits(error: BaseException) -> bool:
        status = getattr(getattr(error, "response", None), "status_code", None)
        return answers(error) and (not statuses or status in statuses)

    return fits


def _errno(*numbers: int) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, OSError) and error.errno in numbers


def _value(text: str) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, ValueError) and text in str(error)


def _expired(error: BaseException) -> bool:
    return _status(401)(error) and isinstance(error, Exception) and has_expired(error)


def _from_network(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in NETWORK


def _is_network(error: BaseException) -> bool:
    return _from_network(error) or isinstance(error, (ConnectionError, TimeoutError))


def _is_broken(error: BaseException) -> bool:
    return _from_network(error) and type(error).__name__ in BROKEN


def _is_proxy(error: BaseException) -> bool:
    return unusable_proxy(error) is not None


def _is_os_error(error: BaseException) -> bool:
    return isinstance(error, OSError)


def _is_no_json(error: BaseException) -> bool:
    return isinstance(error, ValueError) and type(error).__name__ == "JSONDecodeError"


def _says(kind: type[ModelRepairError], message: str, hint: str) -> _Says:
    """An error whose words need no more than the exception and the request.

    Args:
        kind: the error's class.
        message: with fields in braces, as `_fields` gives them.
        hint: likewise.
    """

    def say(error: BaseException, of: _Request) -> ModelRepairError:
        fields = _fields(error, of)
        return kind(message.format_map(fields), hint=hint.format_map(fields))

    return say


def _fields(error: BaseException, of: _Request) -> dict[str, object]:
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    answer = getattr(error, "response", None)
    server = " ".join(str(getattr(error, "server_message", None) or "").split())[:200]
    wait = getattr(answer, "headers", {}).get("Retry-After")
    return {
        **vars(of),
        "address": f"https://huggingface.co/{'' if of.kind == 'model' else 'datasets/'}{of.id}",
        "again": f"finish it with: {of.finish}",
        "status": getattr(answer, "status_code", None),
        "because": f": {server}" if server else "",
        "wait": f" for {wait} s" if wait else "",
        "first": lines[0][:200],
        "second": next(filter(None, (line.strip(" -") for line in lines[1:])), lines[0])[:200],
        "last": lines[-1][:200],
        "strerror": getattr(error, "strerror", None),
    }


def _read_gated(error: BaseException, of: _Request) -> ModelRepairError:
    reads_none = reads_no_gated()
    who = "this token reads no gated repositories" if reads_none else "this account has no access"
    let = "let it read those, at " + TOKENS + ", and accept the conditions at {address}"
    accept = "accept its conditions at {address}, then run: hf auth login"
    return _says(HubError, f"{{id}} is gated, and {who}", let if reads_none else accept)(error, of)


def _read_repository(error: BaseException, of: _Request) -> ModelRepairError:
    near = [*near_paths(Path(of.id)), *near_ids(of.id, data=of.kind != "model")]
    ask = other_kinds(of.id, of.kind) or did_you_mean(near) or "check the spelling; "
    lacks = of.kind == "model" and reads_nothing_of(of.id)
    then = add_right(READ, of.id) if lacks else "run: hf auth login"
    return HubError(
        f"there is no {of.kind} {of.id} on the Hub, or it is private",
        hint=f"{ask}for a private {of.kind} {then}",
    )


def _read_answer(error: BaseException, of: _Request) -> ModelRepairError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    kind = UnreachableError if status is None or status >= 500 else HubError
    return _says(kind, "the Hub answers {status} for {id}: {first}", LATER)(error, of)


def _read_offline(error: BaseException, of: _Request) -> ModelRepairError:
    return _unreachable(of, "")


def _read_network(error: BaseException, of: _Request) -> ModelRepairError:
    return _unreachable(of, ": {first}".format_map(_fields(error, of)))


def _unreachable(of: _Request, why: str) -> ModelRepairError:
    proxy = "".join(f"the proxy in {name}, " for name in proxies())
    hint = f"check {proxy}the network and HF_HUB_OFFLINE"
    if of.kind == "model":
        near = did_you_mean(near_paths(Path(of.id)))
        hint = f"{near}{hint}; a folder of this name is not here either"
    return UnreachableError(f"the Hub can't be reached for {of.id}{why}", hint=hint)


def _read_proxy(error: BaseException, of: _Request) -> ModelRepairError:
    return unusable_proxy(error) or _read_network(error, of)


def _push_proxy(error: BaseException, of: _Request) -> ModelRepairError:
    found = _read_proxy(error, of)
    return HubError(str(found), hint=f"{found.hint}; finish it with: {of.finish}")


_READ_DISK = _says(
    ResourceError,
    "{id} can't be downloaded: {strerror}",
    "free disk space, or set HF_HOME to a folder that can be written",
)
_PUSH_NETWORK = _says(
    HubError, "the connection to the Hub broke during the push to {id}: {first}", "{again}"
)

# The first that fits: what is more special is above. Every answer of the Hub's is an OSError, too.
_CASES = (
    _Case("offline", _client("OfflineModeIsEnabled"), _read_offline,
        _says(HubError, "nothing can be pushed offline", "unset HF_HUB_OFFLINE, then {again}")),
    _Case("offline", _client("LocalEntryNotFoundError"), _read_offline, None),
    _Case("gated", _client("GatedRepoError"), _read_gated,
        _says(HubError, "{id} is gated, and this account has no access",
            "accept its conditions, then {again}")),
    _Case("no-such-revision", _client("RevisionNotFoundError"),
        _says(HubError, "{id} has no revision {revision!r}",
            "its branches and tags are at {address}"),
        _says(HubError, "{id} has no such branch any more", "{again}")),
    _Case("no-such-repository", _client("RepositoryNotFoundError"), _read_repository,
        _says(HubError, "there is no {id} on the Hub, or this token may not see it",
            "check the name and the token, then {again}")),
    _Case("file-gone", _client("EntryNotFoundError"),
        _says(HubError, "a file of {id} is gone: {first}", "try again"), None),
    _Case("card-refused", _value("metadata in README.md"), None,
        _says(HubError, "the Hub does not take the card: {second}",
            "correct the front matter of the source's card and repair it again, or {again}")),
    _Case("token-expired", _expired,
        _says(HubError, "the token for the Hub has expired", ANOTHER),
        _says(HubError, "the token for the Hub has expired", ANOTHER + ", then {again}")),
    _Case("token-refused", _status(401),
        _says(HubError, "the Hub refuses the token, for {id}", "run: hf auth login"),
        _says(HubError, "the Hub refuses the token, for {id}",
            "run: hf auth login, then {again}")),
    _Case("no-right", _status(403),
        _says(HubError, "the token gives no right to read {id}",
            "use a token that may read this {kind}"),
        _says(HubError, "the token gives no right to write to {id}{because}",
            "use a token that may write there, then {again}")),
    _Case("hub-busy", _status(409), None,
        _says(HubError, "another program is changing {id}{because}", "{again}")),
    _Case("newer-commit", _status(412), None,
        _says(HubError, "{id} got another commit in the meantime",
            "look at what it changed, then {again}")),
    _Case("too-many-requests", _status(429),
        _says(UnreachableError, "the Hub asks for a pause: too many requests", LATER),
        _says(HubError, "the Hub asks for a pause{wait}: too many requests", "then {again}")),
    _Case("hub-answer", _status(), _read_answer,
        _says(HubError, "the Hub answers {status} for {id}{because}", "later, {again}")),
    _Case("disk-full", _errno(errno.ENOSPC, errno.EDQUOT), _READ_DISK,
        _says(ResourceError, "the push to {id} needs room on this disk: {strerror}",
            "free some, or set HF_HOME to another disk, then {again}")),
    _Case("not-writable", _errno(errno.EACCES, errno.EPERM, errno.EROFS), _READ_DISK, None),
    _Case("proxy", _is_proxy, _read_proxy, _push_proxy),
    _Case("connection-broke", _is_broken,
        _says(UnreachableError,
            "the connection to the Hub broke while {id} was fetched: {first}",
            "run the same command again: files that are here whole are not fetched again"),
        _PUSH_NETWORK),
    _Case("hub-unreachable", _is_network, _read_network, _PUSH_NETWORK),
    _Case("hub-unreachable", _is_os_error, _read_network, None),
    _Case("file-refused", _value("LFS"), None,
        _says(HubError, "the Hub refuses a file for {id}: {last}", "{again}")),
    _Case("hub-answer", _is_no_json, None,
        _says(HubError, "the Hub's answer for {id} is no JSON", "try later: {again}")),
)  # fmt: skip
