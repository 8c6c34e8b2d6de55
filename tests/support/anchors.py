"""Links and anchors of Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark").enable("table")


def tokens(text: str) -> Iterator[Token]:
    """Every token of a text, those inside of lines too."""
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or ()


def targets(text: str) -> list[str]:
    """Where links and pictures lead."""
    found = [token.attrGet("href") or token.attrGet("src") for token in tokens(text)]
    return [str(target) for target in found if target]


@cache
def anchors(page: Path) -> frozenset[str]:
    """The places of a page that a link can name: its headings, and its own ids."""
    text = page.read_text(encoding="utf-8")
    found = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    seen: Counter[str] = Counter()
    parsed = MARKDOWN.parse(text)
    for opening, inline in pairwise(parsed):
        if opening.type == "heading_open":
            words = "".join(each.content for each in inline.children or ())
            name = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            found.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
    return frozenset(found)
