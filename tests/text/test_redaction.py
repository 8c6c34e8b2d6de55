"""Secrets are recognised by their names and forms, and never shown."""

from __future__ import annotations

import pytest

from modelrepair.text.redaction import is_secret, redact, without_secrets


def test_names_of_secrets():
    for name in ("key", "api_key", "apiKey", "API-KEY", "token", "auth_header", "AWS_SECRET"):
        assert is_secret(name), name
    for name in ("tokens", "max_tokens", "pad_token", "norm", "keys", "monkey", "author"):
        assert not is_secret(name), name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pass@host/x", "https://…@host/x"),
        ("https://onlytoken@host/x", "https://…@host/x"),
        ("https://host/x?a=1&token=abcdef", "https://host/x?a=1&token=…"),
        ("Authorization: Bearer abcdefghijkl1234", "Authorization: Bearer …"),
        ("OPENAI_API_KEY=abcdefgh1234 x", "OPENAI_API_KEY=… x"),
        ("api_key = 'abcdefgh1234'", "api_key = '…'"),
    ],
)
def test_passwords_in_addresses_headers_and_assignments(text, expected):
    assert without_secrets(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hf_hub_download, hf_transfer and hf_xet; a hf_hub cache at hf_",
        "pad_token=<|endoftext|> eos_token: </s> max_tokens=1000000000",
        "sha256 " + "ab" * 32,
        "commit 0123456789abcdef0123456789abcdef01234567",
        "the tokens of a task-specific risk-averse-model-number-12345",
        "mail me@host.org, see https://medium.com/@me",
    ],
)
def test_what_is_no_secret_stays(text):
    assert without_secrets(text) == text


def test_a_short_value_is_no_secret(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "a")
    assert redact("a hf_hub cache at hf_") == "a hf_hub cache at hf_"
