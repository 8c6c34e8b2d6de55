"""The terms of a model: which licences its card names, and what they ask of a changed copy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.kept_files import card_text
from modelrepair.checkpoint.roles import role
from modelrepair.source.address import id_for
from modelrepair.source.front_matter import read_front_matter
from modelrepair.source.licence_table import COPY, LIST, Licence, find_licence, licence_key

NO_LICENCE = "https://choosealicense.com/no-permission/"
LONGEST = 120
"""Letters of a card's own words for a licence that are shown."""


@dataclass(frozen=True)
class Terms:
    """All licences that a model is under: those that its card names, and its base's.

    Args:
        licences: the source's own first.
    """

    licences: tuple[Licence, ...]

    @property
    def shown(self) -> str:
        """All of them in one line."""
        return "; ".join(each.shown for each in self.licences)

    @property
    def forbidding(self) -> Licence | None:
        """The first that forbids a public changed copy; None where all allow it.

        >>> terms_of({"license": "cc-by-nd-4.0"}).forbidding.id
        'cc-by-nd-4.0'
        """
        return next((each for each in self.licences if not each.publishable), None)

    @property
    def commercial(self) -> bool:
        """Whether none of them excludes commercial use."""
        return all(each.commercial for each in self.licences)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each licence that asks for something.

        >>> terms_of({"license": "apache-2.0"}).warnings
        ()
        >>> terms_of({"license": "cc-by-nc-4.0"}).warnings  # doctest: +ELLIPSIS
        ('licence cc-by-nc-4.0: it is not for commercial use; see https://creativecommons.org/...',)
        """
        return tuple(
            f"{'licence ' if each.id else ''}{each.shown}: {'; '.join(each.asks)}; see {each.url}"
            for each in self.licences
            if each.asks
        )


def terms_of(front_matter: Mapping[str, Any], files: Iterable[str] = ()) -> Terms:
    """The terms that a card's front matter names.

    >>> terms_of({"license": "other", "license_name": "qwen-research"}).commercial
    False

    Args:
        front_matter: as `read_front_matter` gives it; ``license``, ``license_name`` and
            ``license_link`` are read.
        files: names of licence files that lie beside the model.
    """
    link, name = _words(front_matter.get("license_link")), _words(front_matter.get("license_name"))
    beside = sorted(files)
    copy = next((each for each in beside if "licen" in each.lower()), None)
    notice = next((each for each in beside if "notice" in each.lower()), None)
    given = front_matter.get("license")
    ids = [_words(each) for each in (given if isinstance(given, list) else [given])]
    named = [each for each in ids if each and licence_key(each) not in ("unknown", "none", "null")]
    if not named:
        if name is None and link is None:
            return Terms((_none(copy),))
        named = ["other"]
    found = (_licence(id, name, link) for id in dict.fromkeys(named))
    return Terms(tuple(_beside(each, copy, notice) for each in found))


def terms_in(folder: Path) -> Terms:
    r"""The terms of the model in a folder, by its card and the licence files beside that.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    >>> terms_in(folder).shown
    'mit'
    """
    files = [path.name for path in folder.iterdir() if path.is_file()]
    card = read_front_matter(card_text(folder) or "")
    return terms_of(card, [name for name in files if role(name) == "licence"])


def with_base(own: Terms, base: str, its: Terms) -> Terms:
    """The terms of a model and of the one that it was made from: a licence holds for what follows.

    >>> with_base(terms_of({}), "org/base", terms_of({"license": "llama3.1"})).shown
    'no licence; llama3.1 (Llama 3.1 Community License) of its base org/base'

    Args:
        own: the model's.
        base: the id of the other.
        its: the other's terms.
    """
    known = {each.id for each in own.licences}
    added = [replace(each, of=base) for each in its.licences if each.id and each.id not in known]
    return Terms((*own.licences, *added))


def name_warning(terms: Terms, target: str) -> str | None:
    """What a target's name lacks that a licence asks for, with one that fits.

    >>> name_warning(terms_of({"license": "llama3.1"}), "me/model-repaired")
    "licence llama3.1: a name has to begin with 'Llama': --to me/Llama-model-repaired"
    >>> name_warning(terms_of({"license": "llama3.1"}), "me/Llama-model-repaired") is None
    True
    """
    user, _, name = target.rpartition("/")
    for each in terms.licences:
        if each.prefix and not _plain(name).startswith(_plain(each.prefix)):
            own = re.sub(r"(?i)^meta-(?=llama)", "", name)
            keeps = _plain(own).startswith(_plain(each.prefix))
            fits = id_for(own if keeps else f"{each.prefix}-{own}")
            return (
                f"licence {each.id}: a name has to begin with {each.prefix!r}: "
                f"--to {f'{user}/' if user else ''}{fits}"
            )
    return None


def _none(licence: str | None) -> Licence:
    if licence is None:
        rule = "its card names none, so all rights are reserved: ask its author before you publish"
    else:
        rule = f"its card names none: read {licence} before you publish"
    return Licence(None, "no licence", NO_LICENCE, (rule,))


def _licence(id: str, name: str | None, link: str | None) -> Licence:
    """The licence that a card calls by this id, or, where that is ``other``, by name and link."""
    if licence_key(id) != "other":
        words, shown = [id], id
    else:
        words, shown = [each for each in (name, link) if each], name or id
    for each in words:
        if found := find_licence(each):
            return replace(found, id=found.id if each is link else shown)
    rule = "modelrepair does not know its rules: read it before you publish"
    return Licence(shown, shown, link or LIST, (rule,))


def _beside(licence: Licence, copy: str | None, notice: str | None) -> Licence:
    """What the files beside a model do already: its licence's text, and its notice."""
    if copy and COPY in licence.rules:
        rules = tuple(each for each in licence.rules if each != COPY)
        licence = replace(licence, rules=rules, kept=(*licence.kept, f"{COPY}: {copy}"))
    return replace(licence, notice=None) if notice else licence


def _words(value: Any) -> str | None:
    """A stranger's text in one short line; None where there is none."""
    if not isinstance(value, str):
        return None
    return "".join(c for c in " ".join(value.split()) if c.isprintable())[:LONGEST] or None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
