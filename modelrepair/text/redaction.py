"""Secrets: which names and texts hold one, and what is shown instead."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

HIDDEN = "…"
"""What is shown in place of a secret."""
_WORDS = frozenset(
    ("key", "token", "secret", "secrets", "password", "passwd", "pwd", "auth", "authorization")
) | {"credential", "credentials", "apikey", "pat", "bearer"}
_OF_TEXT = frozenset(
    ("pad", "eos", "bos", "stop", "unk", "mask", "sep", "cls", "end", "start", "max", "min", "new")
)
"""What a token of text is called: no secret."""

_SECRET = r"""
      (?<![A-Za-z0-9])(?P<kept>hf_)(?!(?:hub|transfer|xet)(?![A-Za-z0-9]))[A-Za-z0-9]{6,}
    | (?<![A-Za-z0-9])api_org_[A-Za-z0-9]{16,}
    | (?<![A-Za-z0-9])(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}
    | (?<![A-Za-z0-9])(?:gh[pousr]|github_pat|glpat|xox[abeoprs])[_-][A-Za-z0-9_-]{16,}
    | (?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])
    | (?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}
    | (?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?
    | (?P<scheme>(?i:\b(?:Bearer|Basic)\s+))[A-Za-z0-9._~+/=-]{12,}
    | (?P<address>[A-Za-z][A-Za-z0-9+.-]{0,20}://)[^\s/@'"<>]{1,500}@
    | (?P<query>[?&](?i:[\w-]{0,40}(?:token|secret|signature|password|key|sig)=))[^\s&'"<>)]{4,}
    | (?P<name>(?<![A-Za-z0-9])(?:[A-Z0-9]{1,30}_){0,6}
        (?:TOKEN|SECRET|PASSWORD|KEY|api_key|apikey|secret_key|access_token|auth_token|password)
        \s{0,3}=\s{0,3}["']?)[^\s"',;{}()<>|$]{8,}
    | -----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY-----[A-Za-z0-9+/=\s]{0,10000}(?:-----END[A-Z -]{0,40})?
    """
"""A pattern, compiled when it is first used: importing this module takes no time for it."""


def is_secret(name: str) -> bool:
    """Whether an option or a variable of this name holds a secret.

    >>> is_secret("api_key"), is_secret("HF_TOKEN"), is_secret("tokens"), is_secret("pad_token")
    (True, True, False, False)
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", split) if word]
    return bool(_WORDS.intersection(words)) and not _OF_TEXT.intersection(words)


def without_secrets(text: str, words: Iterable[str] = ()) -> str:
    """The text without tokens, keys, and passwords.

    >>> without_secrets("401 for hf_AbCdEfGhIjKlMnOp at https://me:pass@host/model")
    '401 for hf_… at https://…@host/model'

    Args:
        text: anything.
        words: secrets that are known.
    """
    for word in sorted(set(words), key=len, reverse=True):
        text = text.replace(word, "hf_…" if word.startswith("hf_") else HIDDEN)

    def hidden(match: re.Match[str]) -> str:
        before = next((part for part in match.groups() if part is not None), "")
        return f"{before}{HIDDEN}@" if match["address"] else f"{before}{HIDDEN}"

    return re.sub(_SECRET, hidden, text, flags=re.VERBOSE)


def secrets_of_environment() -> set[str]:
    """Values of this environment's variables whose names say that they are secret.

    >>> isinstance(secrets_of_environment(), set)
    True
    """
    # A value of a few letters is no secret, and would blank out innocent text.
    values = (value.strip() for name, value in os.environ.items() if is_secret(name))
    return {value for value in values if len(value) >= 8 and "/" not in value}


def redact(text: str) -> str:
    """The text without secrets, those of this environment included: for screens and logs.

    >>> redact("401 for hf_AbCdEfGhIjKlMnOp at user/model")
    '401 for hf_… at user/model'
    """
    return without_secrets(text, secrets_of_environment())
