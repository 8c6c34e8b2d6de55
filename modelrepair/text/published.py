"""The gate of published text: no secret, no path of this machine, no text of an example."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from modelrepair.text.redaction import HIDDEN, secrets_of_environment, without_secrets
from modelrepair.text.typed_paths import from_home

_URL = r"(?<![A-Za-z0-9])(?!file:)[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s'\"]*"
_ROOTS = (
    r"~[\w.-]*[\\/]|file:/{2,3}[\w.-]*/|\\{2,4}\w[\w.$ -]{0,60}[\\/]+"
    r"|(?:\\{2,4}[?.]\\{1,2})?[A-Za-z]:[\\/]+(?![\\/])"
)
_ANY_ROOT = rf"{_ROOTS}|//(?=\w)|/(?=[^\W\d]|[.@_-][\w.]|\d+/)|\.\.?[\\/](?=\w)"
_KNOWN_ROOT = (
    rf"{_ROOTS}|/(?=(?:home|Users|root|data|mnt|media|tmp|var|opt|srv|content|workspaces?|kaggle"
    r"|scratch|private|Volumes|gpfs|lustre|nfs|storage|fsx|efs|dbfs)/\w)"
)
# A segment may hold a space where what follows the space is a name that a separator ends.
_SPACED = r"(?:(?:\\?\ [A-Z0-9(][\w.()-]{0,60}){1,4}(?=[\\/]))"
_REST = rf"(?:\\\ |[^\s'\"`,;|<>)\]}}]|,(?=[^\s/~'\"])|{_SPACED})*"
_WINDOWS = r"(?:[^\\/:*?\"'<>|\r\n]{1,100}[\\/]+)*[^\\/\s'\"`,;|<>)\]}]*"


def _paths(roots: str) -> re.Pattern[str]:
    windows = r"(?:(?:(?:\\{2,4}[?.]\\{1,2})?[A-Za-z]:[\\/]+(?![\\/]))+|\\{2,4}\w[\w.$-]*[\\/]+)"
    return re.compile(
        rf"(?P<url>{_URL})"
        rf"|(?P<quote>['\"`])(?P<quoted>(?:{roots})[^'\"`\r\n]*)(?P=quote)"
        rf"|(?<![\w/\\.~)\]}}*^$<])(?:{windows}{_WINDOWS}|(?:{roots}){_REST})"
    )


_OURS, _THEIRS = _paths(_ANY_ROOT), _paths(_KNOWN_ROOT)


@dataclass(frozen=True)
class Private:
    """What one run knows of this machine, taken out to the letter before any pattern is asked.

    Args:
        places: files and folders, absolute; their last names take their places.
        words: secrets, the host's name, and the like.
        texts: prompts and answers of the example sets.
    """

    places: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()


def without_paths(text: str, *, theirs: bool = False) -> str:
    """Shorten paths to their last name: a card reveals nothing of a machine.

    >>> without_paths("modelrepair fix /home/me/models/mine --realign=~/sets/harmful.jsonl")
    'modelrepair fix mine --realign=harmful.jsonl'

    Args:
        text: anything; URLs, ids on the Hub, fractions stay as they are.
        theirs: text of others, such as a card: only what can be nothing but a path.
    """

    def last_name(match: re.Match[str]) -> str:
        if match["url"]:
            return match[0]
        quote = match["quote"] or ""
        inside = match["quoted"] or match[0]
        inside, colon, line = _line_number(inside)
        names = [name for name in re.split(r"[\\/]+(?! )", inside) if name.strip(".~ ?")]
        last = names[-1] if names else ""
        if len(names) < 2 and re.fullmatch(r"~[\w.-]*|[A-Za-z]:|file:", last):
            last = ""  # an account, a drive
        return f"{quote}{last}{colon}{line}{quote}"

    pattern = _THEIRS if theirs else _OURS
    while (shorter := pattern.sub(last_name, text)) != text:
        # What a shortening puts side by side may be another path.
        text = shorter
    return text


def _line_number(path: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"(.*[^:\\/]):(\d+(?::\d+)?)", path, re.DOTALL)
    return (found[1], ":", found[2]) if found else (path, "", "")


def published(text: str, private: Private | None = None, *, theirs: bool = False) -> str:
    """The text as it may be published.

    >>> published("/data/me/model, Bearer abcdefgh12345678", Private(places=("/data/me",)))
    'model, Bearer …'

    Args:
        text: anything that goes into card, manifest, mask or commit.
        private: what is known of this run.
        theirs: as in `without_paths`.
    """
    private = private or Private()
    for example in private.texts:
        start = text.find(example)
        if start >= 0:
            text = text[:start] + HIDDEN
    text = without_secrets(text, private.words)
    for place in sorted(private.places, key=len, reverse=True):
        if place in text:
            name = re.split(r"[\\/]", place)[-1]
            for written in {place, place.replace("\\", "\\\\"), place.replace(" ", "\\ ")}:
                text = re.sub(
                    rf"(?<![\w.-]){re.escape(written)}(?:[\\/]{_REST})?(?![\w-])",
                    partial(_named, name),
                    text,
                )
    return without_paths(text, theirs=theirs)


def _named(name: str, match: re.Match[str]) -> str:
    """The last name of a place, or of what is in it."""
    names = re.split(r"[\\/]+(?! )", match[0].rstrip("\\/"))
    return names[-1] if len(names) > 1 else name


def published_json(value: Any, private: Private | None = None) -> Any:
    """A document in which every text went through `published`; keys stay.

    >>> published_json({"options": {"model": "/data/guard"}})
    {'options': {'model': 'guard'}}
    """
    if isinstance(value, str):
        return published(value, private)
    if isinstance(value, Mapping):
        return {key: published_json(item, private) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [published_json(item, private) for item in value]
    if isinstance(value, Path):
        return published(str(value), private)
    return value


def private_to(
    places: Iterable[str | Path], secrets: Iterable[str] = (), texts: Iterable[str] = ()
) -> Private:
    """What a run on this machine keeps to itself: its places, this user's and this host's.

    >>> str(Path("models/mine").absolute()) in private_to(["models/mine"]).places
    True

    Args:
        places: files and folders as they were given.
        secrets: values of secret options.
        texts: prompts and answers; short ones could be common words.
    """
    found = [
        from_home("~").absolute(),
        Path.cwd(),
        *(from_home(place).absolute() for place in places),
    ]
    written = {str(form) for place in found for form in (place, place.resolve())}
    host = socket.gethostname()
    # A plain word is a name of many things; a host that is called so reveals nothing.
    words = [*secrets_of_environment()]
    words += [host] if len(host) >= 6 and re.search(r"[\d.-]", host) else []
    return Private(
        tuple(place for place in written if len(re.findall(r"[\\/]", place)) > 1 or len(place) > 4),
        (*words, *(secret for secret in secrets if len(secret) >= 4)),
        frozenset(text.strip()[:24] for text in texts if len(text.strip()) >= 12),
    )
