"""Many parts of one file cost one question to the Hub, and its token stays with the Hub."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import hf_hub_url

from modelrepair.errors import HubError
from modelrepair.source.ranges import read_range
from modelrepair.source.resolve import Source
from modelrepair.source.signed import Signed

DATA = bytes(range(256)) * 4
NAME = "model.safetensors"
PARTS = [(start, start + 100) for start in range(0, 1000, 100)]


@pytest.fixture
def source(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    hub.add("user/name", {NAME: DATA, "config.json": b"{}"}, gated=True, private=True)
    sizes = {NAME: len(DATA), "config.json": 2}
    return Source("user/name", hub.repos["user/name"].head, tmp_path, "name", (), False, sizes)


def resolved(hub):
    return [method for method, path in hub.requests if "/resolve/" in path]


def tokens(hub, where):
    """Which hosts were asked for such paths, and with which token."""
    seen = zip(hub.requests, hub.tokens_seen, strict=True)
    return {token for (_, path), token in seen if where in path}


def test_many_parts_cost_one_question(hub, source):
    signed = Signed()
    for start, end in PARTS:
        assert read_range(source, NAME, start, end, signed) == DATA[start:end]
    assert resolved(hub) == ["HEAD"]


def test_threads_that_start_together_ask_once(hub, source):
    signed = Signed()
    hub.fail("HEAD", "/resolve/", delay=0.05)
    with ThreadPoolExecutor(8) as pool:
        read = pool.map(lambda part: read_range(source, NAME, *part, signed), PARTS)
    assert list(read) == [DATA[start:end] for start, end in PARTS]
    assert resolved(hub) == ["HEAD"]


def test_the_token_goes_to_the_hub_alone(hub, source):
    signed = Signed()
    hub.fail("GET", "/objects/", 403, skip=3, times=1)
    for start, end in PARTS:
        read_range(source, NAME, start, end, signed)
    assert tokens(hub, "/resolve/") == {("hub", f"Bearer {hub.token}")}
    assert tokens(hub, "/objects/") == {("cdn", None)}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_address_that_expires_between_parts_is_asked_for_once_more(hub, source, status):
    signed = Signed()
    hub.fail("GET", "/objects/", status, skip=3, times=1)
    for start, end in PARTS:
        assert read_range(source, NAME, start, end, signed) == DATA[start:end]
    assert resolved(hub) == ["HEAD", "HEAD"]


def test_a_new_address_that_is_refused_too_is_an_error(hub, source):
    hub.fail("GET", "/objects/", 403)
    with pytest.raises(HubError):
        read_range(source, NAME, 0, 8, Signed())
    assert resolved(hub) == ["HEAD", "HEAD"]


def test_what_the_hub_does_not_give_is_asked_for_once(hub, source):
    hub.fail("HEAD", "/resolve/", 403)
    with pytest.raises(HubError):
        read_range(source, NAME, 0, 8, Signed())
    assert resolved(hub) == ["HEAD"]


def test_a_hub_that_serves_the_bytes_from_its_own_host_gets_the_token(hub, source):
    signed = Signed()
    assert read_range(source, "config.json", 0, 2, signed) == b"{}"
    assert tokens(hub, "/resolve/") == {("hub", f"Bearer {hub.token}")}


def test_addresses_are_not_shown(hub, source):
    signed = Signed()
    signed.get(hf_hub_url("user/name", NAME, revision=source.commit), "bytes=0-7")
    assert hub.cdn not in repr(signed)
