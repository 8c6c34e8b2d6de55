"""Which settings hold a secret, by their names; and what is shown in its place."""

from __future__ import annotations

from modelrepair.text.redaction import is_secret


def test_names_of_secrets():
    for name in ("key", "api_key", "apiKey", "API-KEY", "token", "auth_header", "AWS_SECRET"):
        assert is_secret(name), name
    for name in ("tokens", "max_tokens", "pad_token", "norm", "keys", "monkey", "author"):
        assert not is_secret(name), name
