"""The front matter of a card, read once for all: what its YAML says, and what is left of bad YAML.

A card is a stranger's text. Scalars are those of YAML 1.2, as the Hub reads them (``no`` is a
language), aliases are not followed (they can make ten lines a terabyte), and where the whole
can't be parsed, each top-level key is read on its own: a bad line costs its own key and no licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml  # type: ignore[import-untyped]

from modelrepair.checkpoint.untrusted import DEEPEST

LIMIT = 256 * 1024
"""Letters of front matter that are read; the longest on the Hub, with its figures, has fewer."""
MOST_BAD = 8
"""Lines at the end of a key that are left out one by one, until the rest can be parsed."""

_BLOCK = re.compile(
    r"\A\ufeff?\s*---[ \t]*\r?\n(?P<yaml>.*?)(?:(?<=\n)|\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
_KEY = re.compile(r"(?P<key>[A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+|$)(?P<value>.*)")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML 1.2's own scalars; dates stay text, and 1.10, which as a number would lose a digit."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {}
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not followed")
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError("nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


def front_matter_text(card: str) -> str | None:
    r"""The YAML above a card's text, unread; None where there is none.

    >>> front_matter_text("---\nlicense: mit\n---\nText")
    'license: mit'
    """
    found = _BLOCK.match(card)
    return None if found is None else found["yaml"]


def read_front_matter(card: str) -> dict[str, Any]:
    r"""What the front matter of a card says; empty where it has none.

    >>> read_front_matter("---\nlicense: mit\nlanguage: no\nbad: [\n---\nText")
    {'license': 'mit', 'language': 'no'}

    Args:
        card: the whole text, with any line ends, with or without a byte-order mark.
    """
    text = front_matter_text(card)
    if text is None:
        return {}
    text = text[:LIMIT].replace("\r\n", "\n").replace("\r", "\n")
    whole = _parsed(text)
    return whole if isinstance(whole, dict) else dict(_one_by_one(text))


def without_front_matter(card: str) -> str:
    r"""A card without its front matter.

    >>> without_front_matter("---\nlicense: mit\n---\nText")
    'Text'
    """
    return _BLOCK.sub("", card, count=1)


def _parsed(text: str) -> Any:
    try:
        return _plain(yaml.load(text, _Loader))
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, OverflowError):
        return None


def key_blocks(text: str) -> list[tuple[str, str]]:
    r"""The lines of each top-level key of a front matter, as they are written.

    >>> key_blocks("license: mit\ntags:\n- a\n")
    [('license', 'license: mit'), ('tags', 'tags:\n- a\n')]
    """
    blocks: list[list[str]] = []
    for line in text.split("\n"):
        if _KEY.match(line):
            blocks.append([line])
        elif blocks and (not line.strip() or line[0] in " \t-#"):
            blocks[-1].append(line)
    found = ((_KEY.match(block[0]), block) for block in blocks)
    return [(first["key"], "\n".join(block)) for first, block in found if first is not None]


def _one_by_one(text: str) -> Iterator[tuple[str, Any]]:
    """Each top-level key with its value; of one that can't be parsed, the words themselves."""
    for key, written in key_blocks(text):
        block = written.split("\n")
        first = _KEY.match(block[0])
        assert first is not None, "a block begins with its key"
        for end in (*range(len(block), max(1, len(block) - MOST_BAD), -1), 1):
            lines = block[:end]
            value = _parsed("\n".join(lines))
            if isinstance(value, dict) and value.get(key) is not None:
                yield key, value[key]
                break
        else:
            words = " ".join(" ".join([first["value"], *block[1:]]).split())
            if words and words[0] not in "[{&*!|>":
                yield key, words


def _plain(value: Any) -> Any:
    """A value as JSON has it: keys and whatever else become text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
