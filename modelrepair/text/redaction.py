"""Which settings hold a secret, by their names; and what is shown in its place."""

from __future__ import annotations

import re

HIDDEN = "…"
"""What is shown in place of a secret."""
_WORDS = frozenset(
    ("key", "token", "secret", "secrets", "password", "passwd", "pwd", "auth", "authorization")
) | {"credential", "credentials", "apikey", "pat", "bearer"}
_OF_TEXT = frozenset(
    ("pad", "eos", "bos", "stop", "unk", "mask", "sep", "cls", "end", "start", "max", "min", "new")
)
"""What a token of text is called: no secret."""


def is_secret(name: str) -> bool:
    """Whether an option or a variable of this name holds a secret.

    >>> is_secret("api_key"), is_secret("HF_TOKEN"), is_secret("tokens"), is_secret("pad_token")
    (True, True, False, False)
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", split) if word]
    return bool(_WORDS.intersection(words)) and not _OF_TEXT.intersection(words)
