"""What a server sends is read in bounds: of size, also once it is unpacked, and of time."""

from __future__ import annotations

import gzip
import time
from itertools import repeat

import pytest

from modelrepair.errors import EndpointError
from modelrepair.evaluation.endpoint import Asked, Endpoint, ask_once, client_of
from modelrepair.evaluation.endpoint_bounds import MOST_BYTES
from tests.support.endpoint import MODEL, Handler, serving

ASKED = Asked("hello", (), 7)


def refused(server, **settings):
    endpoint = Endpoint(server.url, MODEL, **settings)
    with pytest.raises(EndpointError) as failed:
        ask_once(client_of(endpoint), endpoint, "completions", ASKED)
    return failed.value


def test_a_reply_without_end_is_left():
    sent = []

    def pieces():
        for piece in repeat(b" " * 2**20, 200):
            sent.append(len(piece))
            yield piece

    with serving(faults=[pieces()]) as server:
        error = refused(server)
    assert error.id == "endpoint-no-answer"
    assert "larger than 16.8 MB" in str(error)
    assert MOST_BYTES <= sum(sent) < 2 * MOST_BYTES


def test_a_reply_that_is_small_until_it_is_unpacked_is_left(monkeypatch):
    packed = gzip.compress(b" " * (MOST_BYTES + 1))
    assert len(packed) < MOST_BYTES / 100
    monkeypatch.setattr(
        Handler,
        "fail",
        lambda self, fault, body: self.send(200, packed, {"Content-Encoding": "gzip"}),
    )
    with serving(faults=["packed"]) as server:
        assert "larger than" in str(refused(server))


def test_a_reply_that_comes_in_drops_is_left_in_time():
    def drops():
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    started = time.monotonic()
    with serving(faults=[drops()]) as server:
        assert refused(server, timeout=0.3).id == "endpoint-timeout"
    assert time.monotonic() - started < 3
