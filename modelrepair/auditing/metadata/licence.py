"""Stage 1, the licence: whether the card names one, and whether it keeps what the base's asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelrepair.auditing.context import Context
from modelrepair.auditing.rule import Check, Finding, Rule, listed
from modelrepair.checkpoint.roles import role
from modelrepair.source.licence_table import COPY, SAME, Licence, find_licence
from modelrepair.source.licences import Terms, terms_of

MISSING = Rule(
    "MR-LIC-001",
    "metadata",
    "warning",
    "no-licence",
    "the card names no licence, so all rights are reserved",
    "ask the author to name the licence in the card's front matter",
)
WIDER = Rule(
    "MR-LIC-002",
    "metadata",
    "warning",
    "wider-licence",
    "the licence leaves out what the base's licence asks of every copy",
    "ask the author to name the base's licence; until then, keep to the base's",
)

_NO_COMMERCE = "no commercial use"
_NO_CHANGE = "no changed copies"


def missing(context: Context) -> Finding:
    """Whether the card names a licence."""
    target = context.target
    terms = terms_of(target.card)
    if named(terms):
        return MISSING.clear(f"the card names {terms.shown}", licence=terms.shown)
    beside = [name for name in target.files if role(name) == "licence" and "/" not in name]
    if beside:
        said = f"the card names none; {listed(beside)} lies beside the model"
        return MISSING.found(said, files=beside, severity="note")
    return MISSING.found("the card names no licence" if target.card else "there is no card")


def wider(context: Context) -> Finding:
    """Whether the licence keeps what the base's asks for."""
    base = context.known_base
    its, own = terms_of(base.card), terms_of(context.target.card)
    if not named(its):
        return WIDER.inconclusive(f"the card of {base.name} names no licence")
    evidence: dict[str, Any] = {"licence": own.shown, "base": base.name, "base_licence": its.shown}
    if not named(own):
        said = f"the card names none; that of its base is {its.shown}"
        return WIDER.inconclusive(said, **evidence)
    if _ids(own) == _ids(its):
        return WIDER.clear(f"{own.shown}, as its base", **evidence)
    known = [each for each in its.licences if _is_known(each)]
    dropped = sorted(_asked(known) - _asked(own.licences))
    unknown = [each.shown for each in own.licences if not _is_known(each)]
    if not dropped or unknown:
        unknown += [each.shown for each in its.licences if each not in known]
        if unknown:
            said = f"the rules of {listed(unknown)} are not known here"
            return WIDER.inconclusive(said, **evidence)
        said = f"{own.shown} asks for all that {its.shown} of its base does"
        return WIDER.clear(said, **evidence)
    said = f"{own.shown}, but its base is under {its.shown}, which asks: {'; '.join(dropped)}"
    return WIDER.found(said, dropped=dropped, **evidence)


def named(terms: Terms) -> bool:
    """Whether a card names any licence.

    >>> named(terms_of({"license": "mit"})), named(terms_of({}))
    (True, False)
    """
    return all(each.id for each in terms.licences)


def _ids(terms: Terms) -> set[str | None]:
    return {each.id for each in terms.licences}


def _is_known(licence: Licence) -> bool:
    return find_licence(licence.id or "") is not None or find_licence(licence.name) is not None


def _asked(licences: Iterable[Licence]) -> set[str]:
    """What has to be kept in every copy, as words that two licences share."""
    asked: set[str] = set()
    for each in licences:
        asked |= {_NO_COMMERCE} if not each.commercial else set()
        asked |= {_NO_CHANGE} if not each.publishable else set()
        # Which words exclude commerce differs; that is compared as a fact, above.
        asked |= {rule for rule in each.rules if "commercial" not in rule and rule != COPY}
        asked |= {f"the licence {each.name} itself"} if SAME in each.kept else set()
        asked |= {f"the terms of {each.name}"} if COPY in each.rules or each.notice else set()
    return asked


CHECKS: tuple[Check[Context], ...] = ((MISSING, missing), (WIDER, wider))
