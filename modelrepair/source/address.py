"""The one rule for names of repositories on the Hub: what people paste, and which id it means."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import unquote, urlsplit

from modelrepair.errors import UsageError
from modelrepair.text.pasted import pasted

LONGEST = 96
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
Kind = Literal["model", "data set"]
_KINDS = {"models": "model", "datasets": "data set", "spaces": "Space"}
_NO_REPOSITORIES = {"collections": "collection", "papers": "paper", "buckets": "bucket"}
_VIEWS = ("tree", "blob", "resolve", "raw", "blame", "commits", "commit", "edit", "revision")
"""What stands between an id and a revision in the address of a page or file."""
_PAGES = (*_VIEWS, "discussions", "settings", "viewer")
AROUND = " \t\r\n<>\"'`"
"""What is copied along with an address."""
_WAYS = {
    "data set": "a data set goes with --realign, --refusal, --utility or --borderline",
    "model": "a set's address has datasets/ in it: https://huggingface.co/datasets/org/name",
    "Space": "a Space shows a model: give that model's id, which the page of the Space names",
    "collection": "open it, and give the id of one of the models in it",
    "paper": "open it, and give the id of one of the models that it names",
    "bucket": "download what is in it, and give the folder",
}


@dataclass(frozen=True)
class Name:
    """A repository on the Hub as the user named it.

    Args:
        id: ``name`` or ``user/name``.
        revision: branch, tag, commit or ``refs/pr/1``; None where none was named.
        parts: of a data set, config and split that a page of it shows.
    """

    id: str
    revision: str | None = None
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = ":".join((self.id, *self.parts))
        return text if self.revision is None else f"{text}@{self.revision}"


def read_name(text: str, kind: Kind = "model") -> Name | None:
    """The repository that a text means, in whatever form it was pasted; None where it means none.

    Whether a folder of that name is meant has been asked before.

    >>> read_name("https://huggingface.co/user/model/blob/main/model.safetensors?download=true")
    Name(id='user/model', revision='main', parts=())
    >>> str(read_name("hf://user/model@refs/pr/1")), str(read_name(" user/model/ "))
    ('user/model@refs/pr/1', 'user/model')
    >>> str(read_name("hf.co/datasets/org/name/viewer/en/train", "data set"))
    'org/name:en:train'
    >>> read_name("a/b/c") is None, read_name("my model") is None
    (True, True)

    Args:
        text: as it was typed.
        kind: what is asked for.

    Raises:
        UsageError: it is the address of something else, and what to give instead.
    """
    text = text.strip(AROUND)
    inside = _inside(text)
    words = (text if inside is None else inside).strip("/")
    words, _, revision = words.partition("@")
    parts = [unquote(part) for part in words.split("/")]
    if parts[0] == "api":
        parts = parts[1:]
    if parts and parts[0] in _NO_REPOSITORIES:
        _refuse(text, _NO_REPOSITORIES[parts[0]], kind)
    found: str = kind if inside is None else "model"
    if len(parts) > 1 and parts[0] in _KINDS:
        found, parts = _KINDS[parts[0]], parts[1:]
    if found != kind:
        _refuse(text, found, kind)
    alone = len(parts) == 1 or parts[1] in _PAGES
    id = "/".join(parts[: 1 if alone else 2]).removesuffix(".git")
    page = parts[1 if alone else 2 :]
    if not is_id(id) or (page and page[0] not in _PAGES and not revision):
        return None
    if revision:
        at, path = _revision([unquote(part) for part in revision.split("/")], inside is not None)
    elif page and page[0] in _VIEWS:
        at, path = _revision(page[1:], True)
    else:
        at, path = None, []
        if page[:1] == ["discussions"] and len(page) > 1:
            at = f"refs/pr/{page[1]}"
    shown = tuple(page[1:3]) if page[:1] == ["viewer"] else ()
    if page[:1] != ["tree"] and kind == "model":
        path = path[:-1]  # a file at its top means the model
    if path:
        _refuse_inside(id, at, path, kind)
    return Name(id, at, shown)


def named_on_hub(text: str, kind: Kind = "model") -> Name | None:
    """The repository on the Hub that a text means, where it means no file or folder here.

    >>> str(named_on_hub("hf.co/user/model")), named_on_hub("./model"), named_on_hub("/data/model")
    ('user/model', None, None)

    Raises:
        UsageError: as `read_name`.
    """
    if text[:1] in ("", ".", "~", "/") or "\\" in text or Path(text).exists():
        return None
    return read_name(text, kind)


def canonical(text: str) -> str:
    """The shortest form of what was pasted; a path, and what names no repository, as it is.

    >>> canonical("https://huggingface.co/user/model/tree/v2"), canonical("./model/")
    ('user/model@v2', './model/')
    """
    return str(named_on_hub(text) or text)


def is_address(text: str) -> bool:
    """Whether a text is an address of the Hub.

    >>> is_address("hf://user/model"), is_address("user/model")
    (True, False)

    Raises:
        UsageError: it is an address of somewhere else.
    """
    return _inside(text.strip(AROUND)) is not None


def one_revision(name: Name, revision: str | None, option: str = "--revision") -> str | None:
    """The revision that a name has, or that was given beside it.

    >>> one_revision(Name("user/model", "v2"), None), one_revision(Name("user/model"), "v3")
    ('v2', 'v3')

    Raises:
        UsageError: both are there, and they differ.
    """
    if name.revision is not None and revision not in (None, name.revision):
        raise UsageError(
            f"{name} names the revision {name.revision!r}, and {option} {revision!r}",
            hint="give one of the two",
            id="revision-conflict",
        )
    return name.revision or revision


def is_id(text: str) -> bool:
    """Whether a text can be the id of a repository: ``name`` or ``user/name``.

    >>> is_id("user/model"), is_id("/home/me/model"), is_id("my model"), is_id("modèle")
    (True, False, False, False)
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    # The client takes letters of every script; the Hub does not.
    return text.isascii() and text == text.strip()


def id_in(text: str) -> str | None:
    """The id in a text that has more in it; None where there is none.

    >>> id_in("hf download user/model"), id_in("user/model:Q4_K_M"), id_in("my model")
    ('user/model', 'user/model', None)
    """
    found = re.search(r"[\w.-]+/+[\w.-]+", text)
    near = None if found is None else re.sub("/+", "/", found[0])
    return near if near is not None and is_id(near) else None


def id_for(text: str, suffix: str = "") -> str:
    """The nearest id to a text that may be none.

    >>> id_for("Mon modèle -- v2"), id_for("..", "-repaired"), id_for("org/my set")
    ('Mon-modele-v2', 'model-repaired', 'org/my-set')

    Args:
        text: such as a folder's name; of several parts the last two count.
        suffix: what stays at its end, however long it is.
    """
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    parts = []
    for part in folded.split("/")[-2:]:
        kept = re.sub(r"[^A-Za-z0-9._]+", "-", part)
        parts.append(re.sub(r"[-.]*\.[-.]*\.[-.]*|-{2,}", "-", kept).strip("-._"))
    name = (parts[-1].removesuffix(".git")[: LONGEST - len(suffix)].strip("-.") or "model") + suffix
    return f"{parts[0]}/{name}" if len(parts) > 1 and parts[0] else name


def _inside(text: str) -> str | None:
    """What an address of the Hub has behind its host; None where the text is no address.

    Raises:
        UsageError: it is an address of somewhere else.
    """
    from huggingface_hub import constants

    if text.startswith("hf://"):
        return text.removeprefix("hf://")
    if found := re.match(r"git@(?:huggingface\.co|hf\.co):(.+)", text):
        return found[1]
    endpoint = constants.ENDPOINT.rstrip("/")
    for start in (endpoint, *(f"{scheme}{host}" for scheme in ("https://", "http://", "")
                              for host in HOSTS)):  # fmt: skip
        if f"{text.lower()}/".startswith(f"{start.lower()}/"):
            parts = urlsplit(f"https://host{text[len(start) :]}")
            return parts.path
    if "://" in text:
        raise UsageError(
            f"{text} is no address of the Hub",
            hint="an id on the Hub looks like user/name; what is elsewhere is given as a folder",
            id="not-a-hub-id",
        )
    return None


def _revision(parts: list[str], pathed: bool) -> tuple[str, list[str]]:
    """A revision, and the path behind it: ``refs/pr/1`` has slashes of its own."""
    if not pathed:
        return "/".join(parts), []
    length = 3 if parts[:1] == ["refs"] else 1
    return "/".join(parts[:length]), [part for part in parts[length:] if part]


def _refuse(text: str, found: str, kind: Kind) -> NoReturn:
    raise UsageError(
        f"{text} is a {found}, and a {kind} is asked for",
        hint=_WAYS[found],
        id="wrong-kind-of-address",
    )


def _refuse_inside(id: str, revision: str | None, path: list[str], kind: Kind) -> NoReturn:
    inside = "/".join(path)
    words = ["hf", "download", id]
    words += ["--revision", revision] if revision not in (None, "main") else []
    words += ["--repo-type", "dataset"] if kind == "data set" else []
    words += ["--include", f"{inside}*" if kind == "data set" else f"{inside}/*"]
    fetch = pasted([*words, "--local-dir", "fetched"])
    raise UsageError(
        f"{inside} is a part of {id}, and the whole of a {kind} is asked for",
        hint=f"{fetch}, then give fetched/{inside}",
        id="wrong-kind-of-address",
    )
