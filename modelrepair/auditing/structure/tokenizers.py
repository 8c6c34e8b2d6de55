"""What two ``tokenizer.json`` make of a text otherwise: tokens, ids, merges, how it is cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelrepair.auditing.rule import Severity
from modelrepair.text.printable import printable

MOST = 20
"""Tokens that are shown of each kind."""
_GRAVE = ("normalizer", "pre_tokenizer")
_WATCHED = ("post_processor", "decoder")


@dataclass(frozen=True)
class Difference:
    """How two tokenizers differ.

    Args:
        severity: of the gravest difference; None where both make the same tokens.
        facts: what differs, with counts and examples.
    """

    severity: Severity | None
    facts: Mapping[str, Any] = field(default_factory=dict)


def compare(own: Mapping[str, Any], its: Mapping[str, Any]) -> Difference:
    """How a tokenizer differs from another in what it makes of a text.

    >>> one = {"model": {"vocab": {"a": 0, "b": 1}}}
    >>> compare(one, one)
    Difference(severity=None, facts={})
    >>> compare({"model": {"vocab": {"a": 0, "b": 1, "c": 2}}}, one).severity
    'note'
    >>> compare({"model": {"vocab": {"a": 1, "b": 0}}}, one).facts["changed_ids"]
    2

    Args:
        own: what a ``tokenizer.json`` holds.
        its: what the base's holds.
    """
    facts: dict[str, Any] = {}
    mine, others = ids(own), ids(its)
    added = sorted(mine.keys() - others.keys())
    lost = sorted(others.keys() - mine.keys())
    moved = sorted(token for token in mine.keys() & others.keys() if mine[token] != others[token])
    for name, tokens in (("added_tokens", added), ("lost_tokens", lost), ("changed_ids", moved)):
        if tokens:
            facts[name] = len(tokens)
            facts[f"{name}_shown"] = [printable(token)[:80] for token in tokens[:MOST]]
    grave = bool(lost or moved)
    merges = [_merges(each) for each in (own, its)]
    if merges[0] != merges[1]:
        # A merge of a new token follows from the token; any other changes old words.
        new = set(merges[0]) - set(merges[1])
        facts["changed_merges"] = len(new ^ (set(merges[1]) - set(merges[0]))) or len(merges[0])
        grave = True
    if _model(own) != _model(its) or _scores_differ(own, its):
        facts["model"] = "differs"
        grave = True
    for part in (*_GRAVE, *_WATCHED):
        if own.get(part) != its.get(part):
            facts[part] = "differs"
            facts[f"{part}_values"] = [_short(its.get(part)), _short(own.get(part))]
            grave = grave or part in _GRAVE
    flags = _changed_flags(own, its)
    if flags:
        facts["changed_flags"] = len(flags)
        facts["changed_flags_shown"] = [printable(token)[:80] for token in flags[:MOST]]
    if not facts:
        return Difference(None)
    if grave:
        return Difference("error", facts)
    watched = any(part in facts for part in (*_WATCHED, "changed_flags"))
    return Difference("warning" if watched else "note", facts)


def ids(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Token → id, of the vocabulary and of what was added to it.

    >>> ids({"model": {"vocab": [["a", -1.0]]}, "added_tokens": [{"id": 1, "content": "<s>"}]})
    {'a': 0, '<s>': 1}

    Args:
        tokenizer: what a ``tokenizer.json`` holds.
    """
    model = tokenizer.get("model")
    vocab = model.get("vocab") if isinstance(model, Mapping) else None
    found: dict[str, int] = {}
    if isinstance(vocab, Mapping):
        found = {token: id for token, id in vocab.items() if type(id) is int}
    elif isinstance(vocab, list):  # of a unigram model: tokens with their scores, by id
        pairs = ((each[0], place) for place, each in enumerate(vocab) if _is_pair(each))
        found = {token: place for token, place in pairs if isinstance(token, str)}
    for each in _added(tokenizer):
        found[each["content"]] = each["id"]
    return found


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _added(tokenizer: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = tokenizer.get("added_tokens")
    return [
        each
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, dict)
        and isinstance(each.get("content"), str)
        and type(each.get("id")) is int
    ]


def _changed_flags(own: Mapping[str, Any], its: Mapping[str, Any]) -> list[str]:
    """Added tokens of both that are cut out of a text otherwise, or are special in one only."""
    flags = ("special", "lstrip", "rstrip", "normalized", "single_word")
    mine, others = (
        {each["content"]: [bool(each.get(flag)) for flag in flags] for each in _added(tokenizer)}
        for tokenizer in (own, its)
    )
    return sorted(token for token in mine.keys() & others.keys() if mine[token] != others[token])


def _merges(tokenizer: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """In order; old versions write a pair as one text, new ones as a list."""
    model = tokenizer.get("model")
    found = model.get("merges") if isinstance(model, Mapping) else None
    pairs = found if isinstance(found, list) else []
    return [
        tuple(each.split(" ")) if isinstance(each, str) else tuple(map(str, each))
        for each in pairs
        if isinstance(each, str | list)
    ]


def _model(tokenizer: Mapping[str, Any]) -> Any:
    """What the model has beside vocabulary and merges."""
    model = tokenizer.get("model")
    if not isinstance(model, Mapping):
        return None
    # A key that one version writes and another leaves out as null or false says nothing.
    return {key: value for key, value in model.items() if key not in ("vocab", "merges") and value}


def _scores_differ(own: Mapping[str, Any], its: Mapping[str, Any]) -> bool:
    """Whether tokens of two unigram models, which are chosen by their scores, have others."""
    mine, others = (
        {str(each[0]): each[1] for each in vocab if _is_pair(each)}
        for tokenizer in (own, its)
        for vocab in [_list(tokenizer)]
    )
    return any(mine[token] != others[token] for token in mine.keys() & others.keys())


def _list(tokenizer: Mapping[str, Any]) -> list[Any]:
    model = tokenizer.get("model")
    vocab = model.get("vocab") if isinstance(model, Mapping) else None
    return vocab if isinstance(vocab, list) else []


def _short(value: Any) -> str:
    return printable(str(value))[:300]
