"""Each exception of the Hub's client becomes one error of ours, while reading and while pushing."""

from __future__ import annotations

import errno
import json

import httpx2
import pytest
from huggingface_hub import errors

from modelrepair.errors import HubError, ResourceError, UnreachableError, UsageError
from modelrepair.source import hub_errors as table
from modelrepair.source.hub_errors import hub_errors, push_errors

FINISH = "modelrepair push out"


def answer(kind: type[Exception], status: int, said: str = "no", **headers: str) -> Exception:
    request = httpx2.Request("GET", "https://huggingface.co/user/name")
    return kind(said, response=httpx2.Response(status, headers=headers, request=request))


def http(status: int, **headers: str) -> Exception:
    return answer(errors.HfHubHTTPError, status, **headers)


def wrapped(cause: Exception) -> Exception:
    error = RuntimeError("one file of many")
    error.__cause__ = cause
    return error


CASES = [
    (errors.OfflineModeIsEnabled("no"), "offline", UnreachableError, HubError),
    (errors.LocalEntryNotFoundError("no"), "offline", UnreachableError, None),
    (answer(errors.GatedRepoError, 403), "gated", HubError, HubError),
    (answer(errors.RevisionNotFoundError, 404), "no-such-revision", HubError, HubError),
    (answer(errors.RepositoryNotFoundError, 404), "no-such-repository", HubError, HubError),
    (errors.EntryNotFoundError("no"), "file-gone", HubError, None),
    (ValueError("Invalid metadata in README.md"), "card-refused", None, HubError),
    (http(401, **{"X-Error-Message": "is expired"}), "token-expired", HubError, HubError),
    (http(401), "token-refused", HubError, HubError),
    (http(403), "no-right", HubError, HubError),
    (http(409), "hub-busy", None, HubError),
    (http(412), "newer-commit", None, HubError),
    (http(429), "too-many-requests", UnreachableError, HubError),
    (http(400), "hub-answer", HubError, HubError),
    (http(409), "hub-answer", HubError, None),
    (http(503), "hub-answer", UnreachableError, HubError),
    (answer(errors.RemoteEntryNotFoundError, 404), "hub-answer", None, HubError),
    (OSError(errno.ENOSPC, "full"), "disk-full", ResourceError, ResourceError),
    (OSError(errno.EACCES, "not allowed"), "not-writable", ResourceError, None),
    (ValueError("unknown scheme of a proxy"), "proxy", UnreachableError, HubError),
    (ImportError("needs socksio for socks"), "proxy", UnreachableError, HubError),
    (httpx2.ReadError("cut"), "connection-broke", UnreachableError, HubError),
    (httpx2.ConnectError("no"), "hub-unreachable", UnreachableError, HubError),
    (ConnectionError("reset"), "hub-unreachable", UnreachableError, HubError),
    (OSError(errno.EIO, "broken"), "hub-unreachable", UnreachableError, None),
    (wrapped(ConnectionError("reset")), "hub-unreachable", None, HubError),
    (ValueError("LFS: the storage is full"), "file-refused", None, HubError),
    (json.JSONDecodeError("no", "", 0), "hub-answer", None, HubError),
]


@pytest.fixture(autouse=True)
def a_proxy_and_no_hub(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    for asks, found in {"near_ids": [], "other_kinds": "", "reads_no_gated": False}.items():
        monkeypatch.setattr(table, asks, lambda *args, found=found, **named: found)
    monkeypatch.setattr(table, "reads_nothing_of", lambda id: False)


@pytest.mark.parametrize(("error", "id", "reading", "pushing"), CASES, ids=lambda v: str(v)[:40])
def test_an_exception_of_the_client_becomes_one_of_ours(error, id, reading, pushing):
    if reading is not None:
        with pytest.raises(reading) as said, hub_errors("user/name", "v1"):
            raise error
        assert (type(said.value), said.value.id) == (reading, id)
        assert said.value.hint and FINISH not in said.value.hint
    if pushing is not None:
        with pytest.raises(pushing) as said, push_errors("user/name", FINISH):
            raise error
        assert (type(said.value), said.value.id) == (pushing, id)
        assert said.value.hint.endswith(f"finish it with: {FINISH}") or id == "card-refused"


def test_every_row_of_the_table_is_reached():
    rows = {(c.id, d) for c in table._CASES for d in ("reading", "pushing") if getattr(c, d)}
    reached = {(id, "reading") for _, id, reading, _ in CASES if reading}
    assert rows == reached | {(id, "pushing") for _, id, _, pushing in CASES if pushing}


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), UsageError("ours", hint="as it is")])
def test_what_is_not_of_the_hub_stays_what_it_is(error):
    with pytest.raises(type(error)) as said, hub_errors("user/name"):
        raise error
    assert said.value is error
    with pytest.raises(type(error)) as said, push_errors("user/name", FINISH):
        raise error
    assert said.value is error


def test_a_pause_that_ran_out_says_how_to_finish_the_push():
    with pytest.raises(UnreachableError) as said, push_errors("user/name", FINISH):
        raise UnreachableError("too slow", hint="try later", id="too-many-requests")
    assert said.value.hint == f"try later; finish it with: {FINISH}"
    assert said.value.id == "too-many-requests"
