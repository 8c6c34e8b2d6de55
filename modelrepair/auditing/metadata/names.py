"""Stage 1, names: files that leave the folder, that collide, that look like others, that hide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath

from modelrepair.auditing.context import Context
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.roles import folded, role
from modelrepair.text.printable import printable

LEAVING = Rule(
    "MR-NAM-001",
    "metadata",
    "error",
    "leaves-folder",
    "a name or link leads out of the model's folder, or to what is no plain file",
    "don't copy or load it; ask the author for the file itself in place of the link",
)
COLLIDING = Rule(
    "MR-NAM-002",
    "metadata",
    "error",
    "names-collide",
    "two files have one name on a disk that ignores case or composed letters",
    "ask the author to rename one: which of the two is loaded depends on the disk",
)
LOOK_ALIKE = Rule(
    "MR-NAM-003",
    "metadata",
    "warning",
    "misleading-name",
    "a name holds characters that can't be seen, or letters that look like those of another script",
    "look at the escaped name; ask the author to rename the file",
)
CREDENTIALS = Rule(
    "MR-NAM-004",
    "metadata",
    "error",
    "credentials",
    "a file has the name of one that holds keys or passwords",
    "ask the author to revoke what is in it and to remove the file from the history",
)
HIDDEN = Rule(
    "MR-NAM-005",
    "metadata",
    "note",
    "hidden-files",
    "a file is hidden: its name, or a folder's, begins with a dot",
    "read it: listings leave hidden files out",
)

_USUAL = (".gitattributes", ".gitignore")
"""Hidden files that git and the Hub put there."""
_USUAL_FOLDERS = (".eval_results", ".cache/huggingface")
_LIKE_LATIN: Mapping[str, str] = {
    **dict(zip("асеһіјӏорԛѕԝхуѵ", "acehijlopqswxyv", strict=True)),
    **dict(zip("АВСЕНІЈКМОРЅТХУ", "ABCEHIJKMOPSTXY", strict=True)),
    **dict(zip("οανρτυικχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oavptuikxABEZHIKMNOPTYX", strict=True)),
    **dict(zip("ոսօցհ", "nuogh", strict=True)),
    **dict(zip("․∕⁄‐‑‒–—−", ".//------", strict=True)),
}
"""Letters of other scripts, and marks, that look like those of ASCII (from Unicode's UTS 39)."""


def leaving(context: Context) -> Finding:
    """Names and links that lead out of the folder; on the Hub, by the names alone."""
    found = {
        name: facts.unreadable or "the name leads out of the folder"
        for name, facts in context.target.files.items()
        if facts.unreadable or _leads_out(name)
    }
    if not found:
        count = len(context.target.files)
        return LEAVING.clear(f"all {count:,} files lie in the folder", count=count)
    why = {printable(name): printable(reason) for name, reason in sorted(found.items())[:20]}
    return LEAVING.found(f"not read: {listed(why)}", files=found, why=why, count=len(found))


def _leads_out(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return (
        not parts
        or name.startswith(("/", "~"))
        or ".." in parts
        or bool(re.search(r"\\|^[A-Za-z]:|\0", name))
    )


def colliding(context: Context) -> Finding:
    """Files, or a file and a folder, whose names differ by case or composition alone."""
    spelt: dict[str, set[str]] = {}
    for name in context.target.files:
        for path in (PurePosixPath(name), *PurePosixPath(name).parents):
            if path.name:
                spelt.setdefault(folded(str(path)), set()).add(str(path))
    groups = sorted(sorted(names) for names in spelt.values() if len(names) > 1)
    if not groups:
        return COLLIDING.clear("no two names are the same on a disk that ignores case")
    said = "; ".join(" and ".join(map(ascii, group)) for group in groups[:3])
    files = [name for group in groups for name in group if name in context.target.files]
    return COLLIDING.found(f"one name on such a disk: {said}", files=files, groups=groups[:20])


def look_alike(context: Context) -> Finding:
    """Names with characters that hide, or that pass for others, as ``сonfig.json`` with a с."""
    found = {name: why for name in context.target.files if (why := misleading(name)) is not None}
    if not found:
        return LOOK_ALIKE.clear("every name shows what it is")
    shown = {ascii(name)[1:-1]: why for name, why in found.items()}
    first, why = min(shown.items())
    more = f", and {len(shown) - 1:,} more" if len(shown) > 1 else ""
    return LOOK_ALIKE.found(f"{first}: {why}{more}", files=found, names=shown)


def misleading(name: str) -> str | None:
    r"""Why a name does not show what it is; None where it does.

    >>> misleading("model.safetensors"), misleading("модель.md"), misleading("模型.md")
    (None, None, None)
    >>> misleading("\u0441onfig.json")
    "reads as 'config.json'"
    >>> misleading("a\u202etxt.bin")
    'holds characters that are not shown'

    Args:
        name: of a file, with forward slashes.
    """
    if printable(name, unassigned=False) != name:
        return "holds characters that are not shown"
    if name.isascii():
        return None
    plain = "".join(_LIKE_LATIN.get(each, each) for each in unicodedata.normalize("NFKC", name))
    for part, seen in zip(name.split("/"), plain.split("/"), strict=False):
        # A whole word of another script is a word; letters of it among Latin ones are a disguise.
        if part != seen and (seen.isascii() or any(map(_mixed, re.findall(r"[^\W\d_]+", part)))):
            return f"reads as {plain!r}"
    return None


def _mixed(word: str) -> bool:
    latin = any("LATIN" in unicodedata.name(each, "") for each in word)
    return latin and any(each in _LIKE_LATIN for each in word)


def credentials(context: Context) -> Finding:
    """Files that hold keys, by their names; none of them is opened."""
    names = [name for name in context.target.files if _is_secret(name)]
    if not names:
        return CREDENTIALS.clear("no file has the name of one that holds keys")
    return CREDENTIALS.found(f"may hold keys: {listed(names)}", files=names, count=len(names))


def _is_secret(name: str) -> bool:
    # A hidden file is asked without its dot: .env and .netrc hold what env and netrc would.
    bare = "/".join(part.lstrip(".") or part for part in name.split("/"))
    return "credentials" in (role(name), role(bare))


def hidden(context: Context) -> Finding:
    """Hidden files but for those that git and the Hub put there."""
    names = [name for name in context.target.files if role(name) == "hidden" and not _usual(name)]
    if not names:
        return HIDDEN.clear("no hidden file but those of git and the Hub")
    return HIDDEN.found(f"hidden: {listed(names)}", files=names, count=len(names))


def _usual(name: str) -> bool:
    return name in _USUAL or name.startswith(tuple(f"{folder}/" for folder in _USUAL_FOLDERS))


CHECKS: tuple[Check[Context], ...] = (
    (LEAVING, leaving),
    (COLLIDING, colliding),
    (LOOK_ALIKE, look_alike),
    (CREDENTIALS, credentials),
    (HIDDEN, hidden),
)
