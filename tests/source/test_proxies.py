"""The proxy that the Hub is reached by, as the environment names it."""

from __future__ import annotations

import pytest

from tests.support.hub.client import environment, process

OUT = "https://hub.invalid"


@pytest.mark.quick("nonsense*")
@pytest.mark.parametrize(
    ("proxy", "said", "hint"),
    [
        ("nonsense://x", "the proxy in HTTPS_PROXY can't be used: it is no proxy's", "unset HTTPS"),
        ("socks5://127.0.0.1:9", "the proxy in HTTPS_PROXY can't be used: SOCKS", "pip install"),
        ("http://127.0.0.1:9", "the Hub can't be reached", "check the proxy in HTTPS_PROXY, the"),
    ],
)
def test_a_proxy_that_can_not_be_used_is_named(hub, tmp_path, proxy, said, hint):
    proxied = environment(hub, tmp_path / "home", token=None) | {"HTTPS_PROXY": proxy}
    done = process("plan", "user/name", folder=tmp_path, environment=proxied | {"HF_ENDPOINT": OUT})
    *_, error, way_on = done.stderr.splitlines()
    assert (done.returncode, error.partition("Error: ")[2][: len(said)]) == (3, said)
    assert f"]: {hint}" in way_on
    assert proxy not in done.stderr, "it may hold a password"
