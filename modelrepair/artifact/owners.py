"""A card where another lies already: our block and our keys are new, the owner's text stays."""

from __future__ import annotations

import re
from typing import Any

from modelrepair.artifact.card import MARK, OURS, own_text
from modelrepair.source.front_matter import (
    front_matter_text,
    key_blocks,
    read_front_matter,
    without_front_matter,
)

ALWAYS_OURS = ("base_model", "base_model_relation", "model-index", "tags")
"""Keys that only we add to a repair: who it descends from, and what was measured."""
_TAGS = re.compile(r"^tags:\n(?:- .*\n)+", re.MULTILINE)
_OUR_TAG = re.compile(r"modelrepair$|(scorer|repairer):")


def with_owners_text(card: str, there: str, quoted: str = "") -> str:
    r"""Our card with what the owner of its repository wrote around the one that lies there.

    >>> ours = "---\nlicense: mit\n---\n\n<!-- modelrepair:begin v1 -->\nnew\n"
    >>> ours += "<!-- modelrepair:end -->\n"
    >>> print(with_owners_text(ours, ours.replace("new", "old") + "Mine.\n").split("---\n")[2])
    <BLANKLINE>
    <!-- modelrepair:begin v1 -->
    new
    <!-- modelrepair:end -->
    Mine.
    <BLANKLINE>

    Args:
        card: ours: front matter, our block, and the source's card below it.
        there: the README that lies in the repository.
        quoted: the source's card as the earlier repair quoted it: that text is not its owner's.
    """
    there = there.replace("\r\n", "\n").removeprefix("\ufeff")
    body, theirs = without_front_matter(card), without_front_matter(there)
    return _front(card, there) + _body(body, theirs, own_text(quoted))


def has_marks(card: str) -> bool:
    """Whether a card holds one block of ours, and no mark besides.

    >>> has_marks("# Mine")
    False
    """
    return len(OURS.findall(card)) == 1 and len(MARK.findall(card)) == 2


def _body(ours: str, theirs: str, quoted: str) -> str:
    block = OURS.search(ours)
    if block is None or own_text(theirs) in own_text(ours):
        return ours  # nothing there that is not quoted
    if has_marks(theirs):
        before, after = OURS.split(theirs, maxsplit=1)
        if quoted:
            after = after.replace(quoted, own_text(ours), 1)
        return before + block[0] + after
    text = theirs
    while MARK.search(text):
        text = MARK.sub("", OURS.sub("", text))
    return f"{ours.rstrip()}\n\n{text.strip()}\n"


def _front(card: str, there: str) -> str:
    """Our front matter with the keys there that we do not write, and more tags."""
    text = card[: len(card) - len(without_front_matter(card))]
    ours, theirs = read_front_matter(card), read_front_matter(there)
    wanted = {
        key: value
        for key, value in theirs.items()
        if key not in ours and key not in ALWAYS_OURS and value is not None
    }
    added = [tag for tag in _tags(theirs) if tag not in _tags(ours) and not _OUR_TAG.match(tag)]
    if added:
        text = _TAGS.sub(lambda found: found[0] + _dumped(added), text, count=1)
    if wanted:
        text = text.rstrip().removesuffix("---") + _lines(there, wanted) + "---\n"
    return text


def _lines(card: str, wanted: dict[str, Any]) -> str:
    """Some keys of a front matter as they are written there, where that can be cut out."""
    blocks = [each for each in key_blocks(front_matter_text(card) or "") if each[0] in wanted]
    text = "".join(f"{block.rstrip()}\n" for _, block in blocks)
    same = len(blocks) == len(wanted) and read_front_matter(f"---\n{text}---\n") == wanted
    return text if same else _dumped(wanted)


def _dumped(value: Any) -> str:
    import yaml  # type: ignore[import-untyped]

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6))


def _tags(front: dict[str, Any]) -> list[str]:
    tags = front.get("tags")
    return [each for each in (tags if isinstance(tags, list) else [tags]) if isinstance(each, str)]
