"""The card against the manifest: what stands between our marks, and the keys that we write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from modelrepair.artifact.card import (
    BEGINS,
    END,
    MARK,
    THIS_REPOSITORY,
    CardPlace,
    front_matter,
    kept_metadata,
    our_block,
)
from modelrepair.artifact.findings import Finding
from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.owners import ALWAYS_OURS
from modelrepair.artifact.reading import Reading
from modelrepair.checkpoint.kept_files import CARD_LIMIT, CARD_NAME, card_text
from modelrepair.checkpoint.untrusted import read_file
from modelrepair.errors import ModelRepairError
from modelrepair.source.address import is_id
from modelrepair.source.front_matter import front_matter_text

# Values of a forged manifest that no template expects, such as a rule of the gate that is a number.
_TRIPPED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, TemplateError)
MOST_METADATA = 1 << 20
_TARGET = re.compile(r"^hf download (\S{1,200}) --local-dir repaired$", re.MULTILINE)


def check_card(
    out: Path, source: Path | None, reading: Reading, manifest: Manifest, repository: str | None
) -> tuple[list[Finding], list[str]]:
    """Make our part of the card again from the manifest, and compare; note what is no lie.

    >>> check_card(out, source, reading, manifest, None)  # doctest: +SKIP
    ([], [])

    Args:
        out: the repaired model's folder.
        source: the source's folder, whose card the licence comes from.
        reading: the manifest as it was read.
        manifest: the manifest.
        repository: the id under which the model was looked at; None for a folder.
    """
    if f"card {manifest.card}" in reading.unknown:
        return [], []
    try:
        data = read_file(out, CARD_NAME, CARD_LIMIT)
    except ModelRepairError as error:
        return [_wrong(str(error))], []
    if data is None:
        return [], []  # reported as a missing file
    # Git may have changed the line ends; the card still says the same.
    card = data.decode("utf-8", errors="replace").replace("\r\n", "\n").removeprefix("\ufeff")
    if "'verdict'" in reading.unknown:
        return [], []
    try:
        place, wrong = _check_block(card, reading, manifest)
        found = [*wrong, *_check_metadata(card, manifest, place)]
    except _TRIPPED as error:
        return [_wrong(f"can't be made from this manifest: {type(error).__name__}")], []
    if source is not None and manifest.source.hub and manifest.adapter is None:
        own = card_text(source)
        kept = manifest.model_copy(update={"metadata": kept_metadata(own or "")})
        if own is not None and front_matter(kept, place) != front_matter(manifest, place):
            found.append(_wrong("its front matter does not keep that of the source"))
    # A repository that was renamed or duplicated keeps the card as it was.
    renamed = None not in (place.target, repository) and place.target != repository
    return found, [f"its card names the repository {place.target}"] if renamed else []


def _check_block(
    card: str, reading: Reading, manifest: Manifest
) -> tuple[CardPlace, list[Finding]]:
    marks = MARK.findall(card)
    begins = [mark for mark in marks if BEGINS.match(mark)]
    if len(marks) != 2 or len(begins) != 1 or END not in card:
        message = f"holds {len(marks)} marks of modelrepair, expected one begin and one end"
        return CardPlace(), [_wrong(message)]
    start, end = card.index(marks[0]), card.index(END) + len(END)
    block = card[start:end]
    named = _TARGET.search(block)
    target = named[1] if named and named[1] != THIS_REPOSITORY else None
    if target is not None and not is_id(target):
        return CardPlace(), [_wrong(f"its commands fetch {target!r}, no id of a repository")]
    wanted = ""
    for place in (
        CardPlace(target, beside, quoted) for beside in (False, True) for quoted in (True, False)
    ):
        wanted = our_block(manifest, place, reading.digest)
        if wanted == block:
            return place, []
    found, expected = _first_difference(block, wanted)
    return CardPlace(target), [_wrong(f"says {found!r}, and the manifest {expected!r}")]


def _check_metadata(card: str, manifest: Manifest, place: CardPlace) -> Iterator[Finding]:
    wanted = _metadata(f"---\n{front_matter(manifest, place)}\n---\n")
    found = _metadata(card)
    if found is None or wanted is None:
        yield _wrong("its front matter can't be read, or holds a key twice or an alias")
        return
    for key in sorted(wanted.keys() | set(ALWAYS_OURS)):
        one, two = found.get(key), wanted.get(key)
        if key == "tags":
            same = isinstance(one, list) and isinstance(two, list) and all(t in one for t in two)
        else:
            same = one == two
        if not same:
            yield _wrong(f"{key} in its front matter is {_brief(one)}, expected {_brief(two)}")


def _metadata(card: str) -> dict[str, Any] | None:
    """The front matter; None where two readers might not read the same in it."""
    import yaml  # type: ignore[import-untyped]

    text = front_matter_text(card)
    if text is None:
        return {}
    if len(text) > MOST_METADATA:
        return None
    try:
        events = list(yaml.parse(text, yaml.SafeLoader))
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            return None
        node = yaml.compose(text, yaml.SafeLoader)
        if not _plain(node):
            return None
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return None
    return value if isinstance(value, dict) else None


def _plain(node: Any) -> bool:
    """Whether no mapping has a key twice."""
    pending = [node]
    while pending:
        each = pending.pop()
        children = getattr(each, "value", None)
        if not isinstance(children, list):
            continue
        if each.id == "mapping":
            keys = [str(key.value) for key, _ in children]
            if len(set(keys)) != len(keys) or "<<" in keys:
                return False
            pending += [value for _, value in children]
        else:
            pending += children
    return True


def _first_difference(found: str, wanted: str) -> tuple[str, str]:
    lines = found.split("\n"), wanted.split("\n")
    for one, two in zip(*lines, strict=False):
        if one != two:
            return one[:120], two[:120]
    return f"{len(lines[0])} lines", f"{len(lines[1])}"


def _brief(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:100]


def _wrong(message: str) -> Finding:
    return Finding("card", CARD_NAME, None, message)
