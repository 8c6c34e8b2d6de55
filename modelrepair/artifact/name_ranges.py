"""Tensors that differ in a number alone, written as one: a mixture of experts has thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

MOST_TENSORS = 1_000_000
"""That one document may name: a stranger may write a range without end."""
_NUMBER = re.compile(r"(?<![A-Za-z0-9_])(?:0|[1-9][0-9]{0,8})(?![A-Za-z0-9_])")
_RANGE = r"[0-9]{1,9}(?:-[0-9]{1,9})?"
_RANGES = re.compile(rf"{_RANGE}(?:,{_RANGE})*")
_FOLDED = re.compile(rf"([^{{}}]*)\{{({_RANGES.pattern})\}}([^{{}}]*)")


def fold(names: Iterable[str]) -> dict[str, dict[int, str]]:
    """Write names that differ in their last number alone as one; which ones each stands for.

    A brace in a name is doubled.

    >>> list(fold(["h.0.experts.0.up", "h.0.experts.1.up", "h.0.experts.3.up", "h.0.gate"]))
    ['h.0.experts.{0-1,3}.up', 'h.0.gate']
    """
    groups: dict[tuple[str, ...], dict[int, str]] = {}
    for name in names:
        found = [] if set(name) & set("{}") else [*_NUMBER.finditer(name)]
        if found:
            begin, end = found[-1].span()
            groups.setdefault((name[:begin], name[end:]), {})[int(found[-1][0])] = name
        else:
            groups.setdefault((name,), {})[0] = name
    return {
        _escaped(next(iter(some.values())))
        if len(some) == 1
        else f"{{{_ranges(some)}}}".join(around): some
        for around, some in groups.items()
    }


def unfold(names: Iterable[str]) -> Iterator[Mapping[int, str]]:
    """The tensors that each name stands for, by number; of a name as it is, itself.

    >>> [list(each.values()) for each in unfold(["experts.{0-1,3}.up", "gate"])]
    [['experts.0.up', 'experts.1.up', 'experts.3.up'], ['gate']]

    Raises:
        ValueError: they stand for more than a million.
    """
    left = MOST_TENSORS
    for name in names:
        found = _FOLDED.fullmatch(name)
        if found is None:
            yield {0: name.replace("{{", "{").replace("}}", "}")}
            continue
        before, ranges, after = found.groups()
        spans = _spans(ranges)
        left -= sum(map(len, spans))
        if left < 0:
            raise ValueError(f"more than {MOST_TENSORS} tensors are named")
        yield {number: f"{before}{number}{after}" for span in spans for number in span}


def fold_sites(sites: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write the records of tensors that differ in a number alone as one.

    So are experts that saw as many tokens; those that saw none are left out.

    Args:
        sites: of each tensor its ``name``, the ``tokens`` that its experts saw, and more.
    """
    same: dict[str, list[Mapping[str, Any]]] = {}
    for site in sites:
        rest = {key: value for key, value in site.items() if key not in ("name", "tokens")}
        same.setdefault(repr((rest, sorted(site["tokens"]))), []).append(site)
    found: list[dict[str, Any]] = []
    for alike in same.values():
        by_name = {site["name"]: site for site in alike}
        for name, some in fold(by_name).items():
            members = {number: by_name[each] for number, each in some.items()}
            counted = [
                (number, {int(key) for key in counts})
                for number, site in members.items()
                for counts in site["tokens"].values()
            ]
            if len(members) == 1 or any(keys != {number} for number, keys in counted):
                found += [{**site, "name": _escaped(site["name"])} for site in members.values()]
                continue
            first = next(iter(members.values()))
            tokens = {each: _by_count(members, each) for each in first["tokens"]}
            found.append({**first, "name": name, "tokens": tokens})
    return found


def unfold_sites(sites: Any) -> Any:
    """The records of all tensors; what is no list of records is given back.

    Raises:
        ValueError: more than a million tensors.
    """
    if not isinstance(sites, list | tuple):
        return sites
    found: list[Any] = []
    names = [site["name"] if _is_record(site) else "" for site in sites]
    for site, some in zip(sites, unfold(names), strict=True):
        if len(some) == 1:
            found.append({**site, "name": some[0]} if some.get(0) else site)
            continue
        seen = {
            each: _by_number(counts, len(some)) for each, counts in site.get("tokens", {}).items()
        }
        for number, name in some.items():
            tokens = {each: {number: counts.get(number, 0)} for each, counts in seen.items()}
            found.append({**site, "name": name, "tokens": tokens})
    return found


def each_apart(sites: Any) -> Any:
    """The records of all tensors in the form of the file, one for each: `unfold_sites` reads them.

    >>> each_apart([{"name": "experts.{0-1}", "tokens": {}}])
    [{'name': 'experts.0', 'tokens': {}}, {'name': 'experts.1', 'tokens': {}}]

    Raises:
        ValueError: more than a million tensors.
    """
    found = unfold_sites(sites)
    if not isinstance(found, list):
        return found
    return [
        {**site, "name": _escaped(site["name"])} if _is_record(site) else site for site in found
    ]


def fold_keys(reasons: Mapping[str, str]) -> dict[str, str]:
    """Write tensors that differ in a number alone, and have one reason, as one.

    >>> fold_keys({"experts.0": "unseen", "experts.1": "unseen", "gate": "chooses"})
    {'experts.{0-1}': 'unseen', 'gate': 'chooses'}
    """
    return {name: reason for reason, names in by_reason(reasons).items() for name in fold(names)}


def by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """The tensors that have each reason.

    >>> by_reason({"a": "unseen", "b": "excluded", "c": "unseen"})
    {'unseen': ['a', 'c'], 'excluded': ['b']}
    """
    found: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        found.setdefault(reason, []).append(name)
    return found


def unfold_keys(reasons: Any) -> Any:
    """The reason of each tensor; what is no mapping is given back.

    >>> unfold_keys({"experts.{0-1}": "unseen"})
    {'experts.0': 'unseen', 'experts.1': 'unseen'}

    Raises:
        ValueError: more than a million tensors.
    """
    if not isinstance(reasons, Mapping) or not all(isinstance(name, str) for name in reasons):
        return reasons
    pairs = zip(unfold(reasons), reasons.values(), strict=True)
    return {name: reason for some, reason in pairs for name in some.values()}


def _escaped(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _is_record(site: Any) -> bool:
    return (
        isinstance(site, dict)
        and isinstance(site.get("name"), str)
        and isinstance(site.get("tokens", {}), dict)
        and all(isinstance(counts, dict) for counts in site.get("tokens", {}).values())
    )


def _by_count(members: Mapping[int, Mapping[str, Any]], name: str) -> dict[str, int]:
    """Ranges of experts that saw as many tokens of a set → how many, where there are some."""
    found: dict[int, list[int]] = {}
    for number, site in members.items():
        for count in site["tokens"][name].values():
            found.setdefault(count, []).append(number)
    return {_ranges(numbers): count for count, numbers in found.items() if count}


def _by_number(counts: Mapping[str, Any], most: int) -> dict[int, Any]:
    known = [key for key in map(str, counts) if _RANGES.fullmatch(key)]
    spans = [_spans(key) for key in known]
    if len(known) < len(counts) or sum(len(span) for some in spans for span in some) > most:
        raise ValueError("tokens of experts that are not named")
    pairs = zip(spans, counts.values(), strict=True)
    return {number: count for some, count in pairs for span in some for number in span}


def _spans(ranges: str) -> list[range]:
    return [
        range(int(first), int(last or first) + 1)
        for first, _, last in (each.partition("-") for each in ranges.split(","))
    ]


def _ranges(numbers: Iterable[int]) -> str:
    found = []
    for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0]):
        some = [number for _, number in run]
        found.append(str(some[0]) if len(some) == 1 else f"{some[0]}-{some[-1]}")
    return ",".join(found)
