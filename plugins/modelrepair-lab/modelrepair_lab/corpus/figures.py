"""What the judged audits come to: shares with their intervals, confusion, and AUROC."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist

from modelrepair_lab.corpus.judging import REMOVED, Judged
from modelrepair_lab.corpus.kinds import KINDS, Group
from modelrepair_lab.rows import Spread, share

Z = NormalDist().inv_cdf(0.975)
"""Of a two-sided 95 % interval."""


def counted(judged: Iterable[Judged], true: Callable[[Judged], bool]) -> Spread:
    """The share of models of which something is true.

    >>> counted([Judged("a", "copy", 1, "copy")], lambda each: each.right).mean
    1.0
    """
    flags = [true(each) for each in judged]
    return share(sum(flags), len(flags))


def of_group(judged: Iterable[Judged], *groups: Group) -> list[Judged]:
    """The models of some groups.

    >>> of_group([Judged("a", "copy", 1, "copy")], "ablated")
    []
    """
    return [each for each in judged if each.answer.group in groups]


def confusion(judged: Iterable[Judged]) -> Mapping[str, Counter[str]]:
    """By kind, how many are called what.

    >>> confusion([Judged("a", "copy", 1, "copy")])
    {'copy': Counter({'copy': 1})}
    """
    found: dict[str, Counter[str]] = {}
    for each in sorted(judged, key=lambda each: list(KINDS).index(each.kind)):
        found.setdefault(each.kind, Counter())[each.reading] += 1
    return found


def auroc(positive: Sequence[float], negative: Sequence[float]) -> Spread:
    """How likely a positive scores above a negative, ties counted half, with its 95 % interval.

    >>> found = auroc([0.9, 0.8], [0.1, 0.8, 0.2])
    >>> round(found.mean, 3), found.n, 0 < found.low < found.mean < found.high < 1
    (0.917, 5, True)

    The interval stays below 1 where no pair is the wrong way round, as Wilson's does.

    Args:
        positive: scores of what is to be found.
        negative: scores of the others.

    Raises:
        ValueError: one of the two is empty.

    Source: Newcombe 2006, Statistics in Medicine 25:559-573, method 5.
    """
    if not positive or not negative:
        raise ValueError("AUROC needs scores of both")
    m, n = len(positive), len(negative)
    wins = sum((one > other) + 0.5 * (one == other) for one in positive for other in negative)
    mean = wins / (m * n)
    pairs = (m + n) / 2 - 1

    def outside(theta: float) -> bool:
        spread = 1 + pairs * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return abs(mean - theta) > Z * math.sqrt(theta * (1 - theta) * spread / (m * n))

    low = 0.0 if mean == 0 else _edge(outside, 0.0, mean)
    high = 1.0 if mean == 1 else _edge(outside, 1.0, mean)
    return Spread(mean, low, high, m + n)


def _edge(outside: Callable[[float], bool], far: float, near: float) -> float:
    """Where the interval ends between a value outside of it and one inside."""
    for _ in range(60):
        middle = (far + near) / 2
        far, near = (middle, near) if outside(middle) else (far, middle)
    return near


def separation(judged: Sequence[Judged]) -> Mapping[str, Spread]:
    """How well ablated and fine-tuned models are separated.

    >>> separation([Judged("a", "copy", 1, "copy")])
    {}

    Args:
        judged: the models.

    Returns:
        AUROC of the score, and what the rule's own outcome comes to; nothing without models of
        both.
    """
    cut = of_group(judged, "ablated")
    tuned = [each for each in judged if each.kind.startswith(("benign-", "harmful-"))]
    if not cut or not tuned:
        return {}

    def found(each: Judged) -> bool:
        return REMOVED in each.found

    return {
        "AUROC": auroc([each.score for each in cut], [each.score for each in tuned]),
        "found among the ablated": counted(cut, found),
        "found among the fine-tuned": counted(tuned, found),
    }


def balanced(apart: Mapping[str, Spread]) -> float:
    """The mean of the two shares that the rule decides rightly.

    >>> models = [Judged("a", "ablated-own", 1, "direction removed", found=(REMOVED,)),
    ...           Judged("b", "benign-full", 1, "trained")]
    >>> balanced(separation(models))
    1.0

    Args:
        apart: of `separation`.
    """
    found, false = apart["found among the ablated"], apart["found among the fine-tuned"]
    return (found.mean + 1 - false.mean) / 2
