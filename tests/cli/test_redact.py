"""No access token reaches a screen, a log or a document."""

from __future__ import annotations

import pytest

from modelrepair import errors
from modelrepair.cli.redact import redact


@pytest.mark.parametrize("flag", ["--json", "--debug"])
def test_tokens_never_show(api, call, monkeypatch, flag):
    monkeypatch.setenv("HF_TOKEN", "my-odd-secret")
    api.answers["repair"] = errors.HubError(
        "401 for hf_abcdefGHIJKL and my-odd-secret", hint="log in, hf_abcdefGHIJKL is old"
    )
    result = call("fix", "user/model", flag)
    for secret in ("hf_abcdef", "my-odd-secret"):
        assert secret not in result.out + result.err
    assert "hf_…" in result.err


def test_innocent_text_is_left_alone(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "a")
    assert redact("a hf_hub cache at hf_") == "a hf_hub cache at hf_"
