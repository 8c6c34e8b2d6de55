"""Which files of its folder a card shows: pictures and the like, by relative links."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

_LINKS = (
    re.compile(r"\]\(\s*<?([^)\s>]+)"),
    re.compile(r"""\b(?:src|href|srcset|poster)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE),
    re.compile(r"^\s{0,3}\[[^\]\n]+\]:\s*<?([^\s>]+)", re.MULTILINE),
    re.compile(r"^\s*(?:thumbnail|image|src|url):\s*[\"']?([^\"'\s]+)", re.MULTILINE),
)
_OF_A_REPOSITORY = re.compile(r"^https?://huggingface\.co/[^/]+/[^/]+/(?:resolve|blob|raw)/[^/]+/")
_ELSEWHERE = re.compile(r"^([a-z][a-z0-9+.-]*:|//|#)", re.IGNORECASE)


def shown_by(card: str | None) -> frozenset[str]:
    """The files that a card refers to by relative links, or by their address on the Hub.

    >>> sorted(shown_by("![logo](./assets/logo.png) <img src='a%20b.svg'> [x](https://x.y/z.png)"))
    ['a b.svg', 'assets/logo.png']

    Args:
        card: its text, or None where there is none.
    """
    found: set[str] = set()
    for pattern in _LINKS:
        for match in pattern.finditer(card or ""):
            target = _OF_A_REPOSITORY.sub("", match.group(1))
            if _ELSEWHERE.match(target):
                continue
            name = posixpath.normpath(unquote(re.split(r"[?#]", target)[0]).lstrip("/"))
            if name and name != "." and not name.startswith("../"):
                found.add(name)
    return frozenset(found)
