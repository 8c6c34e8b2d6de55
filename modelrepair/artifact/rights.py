"""What the licences behind a repair allow: recorded in the manifest, and held to before a push."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.records import LicenceRecord
from modelrepair.source.licence_table import Licence
from modelrepair.source.licences import Terms, name_warning, terms_of
from modelrepair.text.published import Private, published


def recorded(terms: Terms, private: Private | None = None) -> list[dict[str, Any]]:
    """Terms as the manifest holds them, without what a card must not reveal of this machine.

    >>> recorded(terms_of({"license": "mit"}))[0]["id"]
    'mit'
    """
    return [
        {
            name: published(value, private, theirs=True) if isinstance(value, str) else value
            for name, value in asdict(each).items()
        }
        for each in terms.licences
    ]


def with_recorded(own: Terms, others: Iterable[LicenceRecord]) -> Terms:
    """A model's own terms, and those that a manifest holds beside them.

    >>> with_recorded(terms_of({"license": "mit"}), ()).shown
    'mit'
    """
    known = {each.id for each in own.licences}
    more = (Licence(**each.model_dump()) for each in others if each.id not in known)
    return Terms((*own.licences, *more))


def terms_of_repair(manifest: Manifest) -> Terms:
    """The terms that a repair is under, by its manifest.

    >>> terms_of_repair(manifest).shown  # doctest: +SKIP
    'apache-2.0'
    """
    if not manifest.licences:
        return terms_of(manifest.metadata)
    return with_recorded(Terms(()), manifest.licences)


def rights_warnings(terms: Terms, target: str | None) -> tuple[str, ...]:
    """What a licence leaves to whoever publishes, one line each.

    >>> rights_warnings(terms_of({"license": "llama3.1"}), "me/mine-repaired")[-1]
    "licence llama3.1: a name has to begin with 'Llama': --to me/Llama-mine-repaired"

    Args:
        terms: of the repair.
        target: the id of the new repository; None where there is none to be named.
    """
    named = None if target is None else name_warning(terms, target)
    return (*terms.warnings, *([named] if named else []))
