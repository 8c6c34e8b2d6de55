"""What a repair has to do, counted from its settings and sets, for the estimate of its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from modelrepair.estimate import TEMPLATE_TOKENS, tokens_of
from modelrepair.examples.splits import REPORT_LIMIT, SELECT_LIMIT, Splits
from modelrepair.ladders import LADDERS, MOST_GENERATIONS, MOST_ROUNDS, STRIDES
from modelrepair.registry.options import parse_options
from modelrepair.registry.specs import ScorerSpec, SetName, SubjectKind
from modelrepair.settings import Settings
from modelrepair.timing import Job, Part, Search

TYPICAL_TOKENS = TEMPLATE_TOKENS + 96
"""Of an example that nobody has shown yet."""
FAMILIES = 3
"""Harmful prompts, utility, borderline."""


def job_of(
    settings: Settings,
    specs: Sequence[ScorerSpec],
    subject: SubjectKind,
    splits: Splits | None,
    *,
    reference: bool,
    thinks: bool = False,
) -> Job:
    """Count the work.

    >>> from modelrepair.registry.builtin import modelrepair_scorers
    >>> wanda = next(each for each in modelrepair_scorers() if each.name == "wanda")
    >>> one = Settings("user/model", ratio=0.01, evaluate=False)
    >>> job_of(one, [wanda], "weight", None, reference=False).searches
    (Search(tokens=32768, backward=False, rounds=(1, 1), screened=(0, 0), answered=(0, 0)),)

    Args:
        settings: every choice of the repair.
        specs: the scorers in the order they are tried.
        subject: what is masked.
        splits: the sets as they are cut; None where none was named: then they count as full.
        reference: whether there is one, which is measured, too.
        thinks: whether the model has marks for thoughts: then each answer may have one.
    """
    fixed = isinstance(settings.ratio, int | float)
    searches = [_search(settings, spec, subject, splits, fixed) for spec in specs]
    empty = Part()
    return Job(
        searches=tuple(searches),
        models=(2 + reference) if settings.evaluate else 0,
        select=empty if fixed else _part(settings, splits, "select"),
        report=_part(settings, splits, "report") if settings.evaluate else empty,
        longest=settings.max_new_tokens,
        thought=settings.max_thought_tokens if thinks else 0,
    )


def needs(settings: Settings, spec: ScorerSpec, subject: SubjectKind) -> tuple[SetName, ...]:
    """The sets that a scorer reads with these options."""
    options = parse_options(spec.options, settings.scorer_options, spec.name)
    return tuple(spec.sets(options, subject))


def _search(
    settings: Settings, spec: ScorerSpec, subject: SubjectKind, splits: Splits | None, fixed: bool
) -> Search:
    needed = needs(settings, spec, subject)
    tokens = sum(_tokens(settings, splits, name, settings.examples) for name in needed)
    most = settings.max_rounds or MOST_ROUNDS
    step = settings.step or STRIDES[subject].first
    if fixed:
        asked = float(settings.ratio or 0) / step
        rounds = max(1, min(math.ceil(asked - 1e-9), most)) if spec.iterative else 1
        return Search(tokens, spec.gradients, (rounds, rounds))
    points = most if spec.iterative else len(LADDERS[subject])
    return Search(
        tokens,
        spec.gradients,
        rounds=(1, most if spec.iterative else 1),
        screened=(1, points),
        answered=(1, min(points, MOST_GENERATIONS)),
    )


def _tokens(settings: Settings, splits: Splits | None, name: SetName, most: int) -> int:
    if splits is None:
        return most * min(TYPICAL_TOKENS, settings.max_length)
    return tokens_of(splits[name].score, settings.max_length) if name in splits else 0


def _part(settings: Settings, splits: Splits | None, which: Literal["select", "report"]) -> Part:
    if splits is None:
        prompts = SELECT_LIMIT if which == "select" else REPORT_LIMIT
        pairs = prompts * min(TYPICAL_TOKENS, settings.max_length)
        return Part(FAMILIES * prompts, FAMILIES * pairs // 2, pairs, FAMILIES * pairs)
    sets = {name: split.part(which) for name, split in splits.items()}
    tokens = {name: tokens_of(each, settings.max_length) for name, each in sets.items()}
    # The prompts of realign and refusal are the same, and each is answered once.
    asked = {each.key: replace(each, response=None) for some in sets.values() for each in some}
    if which == "report":
        # An answer to 64 tokens is counted as a whole one: the most is no less for it.
        asked |= {
            each.key: replace(each, response=None) for kind in splits.kinds for each in kind.asked
        }
    return Part(
        prompts=len(asked),
        asked=tokens_of([*asked.values()], settings.max_length),
        followed=tokens.get("utility", 0),
        screened=sum(tokens.get(name, 0) for name in ("realign", "refusal", "utility")),
    )
