"""What a repair has to do, counted from its settings and sets, for the estimate of its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from modelrepair.evaluation.own_text import TOKENS
from modelrepair.examples.splits import REPORT_LIMIT, SELECT_LIMIT, Splits
from modelrepair.plugin.names import SetName, SubjectKind
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec
from modelrepair.preflight.limits import FAMILIES, Bound, bounds_of
from modelrepair.preflight.needs import needs_of
from modelrepair.preflight.sets import Sets
from modelrepair.preflight.sizes import TEMPLATE_TOKENS, tokens_of
from modelrepair.preflight.speed import Job, Search, WorkPart
from modelrepair.settings.settings import Settings

TYPICAL_TOKENS = TEMPLATE_TOKENS + 96
"""Of an example that is not known yet."""


def job_of(
    settings: Settings,
    plugins: Sequence[ScorerSpec | RepairerSpec],
    subject: SubjectKind,
    sets: Sets | None,
    *,
    reference: bool,
    thinks: bool = False,
) -> Job:
    """Count the work.

    >>> from modelrepair.builtin import modelrepair_scorers
    >>> wanda = next(each for each in modelrepair_scorers() if each.name == "wanda")
    >>> one = Settings("user/model", ratio=0.01, evaluate=False)
    >>> job_of(one, [wanda], "weight", None, reference=False).searches
    (Search(tokens=65536, backward=False, rounds=(1, 1), screened=(0, 0), answered=(0, 0)),)

    Args:
        settings: every choice of the repair.
        plugins: the scorers in the order they are tried, or the one repairer.
        subject: what is masked.
        sets: the example sets; None where none was named: then they count as full.
        reference: whether there is one, which is measured, too.
        thinks: whether the model has marks for thoughts: then each answer may have one.
    """
    bounds = bounds_of(settings, plugins, subject, sets, reference=reference)
    splits = None if sets is None else sets.splits
    searched = any(bound.answered for bound in bounds.searches)
    empty = WorkPart()

    def part(which: Literal["select", "report"]) -> WorkPart:
        work = _part(splits, which, settings.max_length)
        return work if settings.answers else replace(work, prompts=0, asked=0)

    def tokens(spec: ScorerSpec | RepairerSpec) -> int:
        masks = isinstance(spec, ScorerSpec)
        given = settings.scorer_options if masks else settings.repairer_options
        needed = {*needs_of(spec, given, subject)}
        if masks and subject == "weight" and settings.protect != 0:
            needed.add("utility")  # what is protected is seen there
        most = settings.examples, settings.max_length
        return sum(_tokens(splits, name, *most) for name in needed)

    return Job(
        searches=tuple(
            _search(spec, bound, tokens(spec))
            for spec, bound in zip(plugins, bounds.searches, strict=True)
        ),
        models=(2 + reference) if settings.evaluate else 0,
        select=part("select") if searched else empty,
        report=replace(part("report"), text=TOKENS) if settings.evaluate else empty,
        longest=settings.max_new_tokens,
        thought=settings.max_thought_tokens if thinks else 0,
    )


def _search(spec: ScorerSpec | RepairerSpec, bound: Bound, tokens: int) -> Search:
    """The work of one search: once as little as may be, once as much."""
    if not bound.answered:
        return Search(tokens, spec.gradients, (bound.rounds, bound.rounds))
    return Search(
        tokens,
        spec.gradients,
        rounds=(1, bound.rounds),
        screened=(1, bound.candidates),
        answered=(1, bound.answered),
    )


def _tokens(splits: Splits | None, name: SetName, examples: int, max_length: int) -> int:
    if splits is None:
        return examples * min(TYPICAL_TOKENS, max_length)
    scored = splits[name].score if name in splits else ()
    if name == "utility" and "borderline" in splits:
        # Benign answers are one family: they are scored together.
        scored += tuple(each for each in splits["borderline"].score if each.response)
    return tokens_of(scored, max_length)


def _part(splits: Splits | None, which: Literal["select", "report"], max_length: int) -> WorkPart:
    if splits is None:
        prompts = SELECT_LIMIT if which == "select" else REPORT_LIMIT
        pairs = prompts * min(TYPICAL_TOKENS, max_length)
        return WorkPart(FAMILIES * prompts, FAMILIES * pairs // 2, pairs, FAMILIES * pairs)
    sets = {name: split.part(which) for name, split in splits.items()}
    tokens = {name: tokens_of(each, max_length) for name, each in sets.items()}
    # The prompts of realign and refusal are the same, and each is answered once.
    asked = {each.key: replace(each, response=None) for some in sets.values() for each in some}
    if which == "report":
        # Answers of at most 64 tokens are counted as whole ones: this is an upper bound.
        asked |= {
            each.key: replace(each, response=None) for kind in splits.kinds for each in kind.asked
        }
    each_long = [tokens_of([one], max_length) for one in asked.values()]
    return WorkPart(
        prompts=len(asked),
        asked=sum(each_long),
        lengths=max(1, len({*each_long})),
        longest=max(each_long, default=0),
        followed=tokens.get("utility", 0),
        screened=sum(tokens.get(name, 0) for name in ("realign", "refusal", "utility")),
    )
