"""The network, shut for a while."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from modelrepair.testing.network import no_network


def test_what_asks_for_the_network_fails_and_is_on_record():
    with no_network() as tried:
        with pytest.raises(OSError, match="the network is shut"):
            urllib.request.urlopen("http://example.invalid/")
        with socket.socket() as one, pytest.raises(OSError, match="the network is shut"):
            one.connect(("127.0.0.1", 9))
    assert tried == ["looks up example.invalid", "connects to ('127.0.0.1', 9)"]


def test_it_is_open_again_afterwards():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with no_network(), pytest.raises(OSError, match="shut"):
            client.connect(server.getsockname())
        client.connect(server.getsockname())
