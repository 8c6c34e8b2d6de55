"""How far a repair may go: the most rounds, candidates and answers, known before it starts.

Nothing here computes, so `plan` and the first lines of `fix` name the same numbers as the search
keeps. No clock decides: the same inputs take the same rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelrepair.examples.keys import SetKey
from modelrepair.examples.refusals import MADE
from modelrepair.examples.splits import PARTS, REPORT_LIMIT, SELECT_LIMIT, Part
from modelrepair.plugin.names import SubjectKind
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec
from modelrepair.preflight.sets import Sets
from modelrepair.settings.amount import Amount, Fixed, amount_of
from modelrepair.settings.search_limits import (
    RATIO_GRIDS,
    STEP_SCHEDULES,
    fixed_rounds,
)
from modelrepair.settings.settings import Settings

FAMILIES = 3
"""Harmful prompts, utility, borderline."""


@dataclass(frozen=True)
class Bound:
    """The most that the search of one scorer or repairer takes.

    Args:
        name: of the scorer or the repairer.
        rounds: how often statistics are taken; of a repairer that trains, how often it stops.
        candidates: masks or edits that are made, undone and halved steps among them.
        answered: those of them that answer the prompts of the select split; where answers are left
            for later, those whose utility is measured there.
    """

    name: str
    rounds: int
    candidates: int
    answered: int


@dataclass(frozen=True)
class Bounds:
    """The most that a repair takes: each search in its order, and all answers of all models.

    The searches follow each other until one meets the target.
    """

    searches: tuple[Bound, ...]
    answers: int

    @property
    def rounds(self) -> int:
        """Of all searches."""
        return sum(each.rounds for each in self.searches)

    @property
    def candidates(self) -> int:
        """Of all searches."""
        return sum(each.candidates for each in self.searches)

    @property
    def answered(self) -> int:
        """Of all searches."""
        return sum(each.answered for each in self.searches)


def bounds_of(
    settings: Settings,
    plugins: Sequence[ScorerSpec | RepairerSpec],
    subject: SubjectKind,
    sets: Sets | None,
    *,
    reference: bool,
) -> Bounds:
    """The most rounds, candidates and answers of a repair; no run takes more.

    >>> from modelrepair.builtin import modelrepair_scorers
    >>> contrast = next(each for each in modelrepair_scorers() if each.name == "contrast")
    >>> bounds_of(Settings("user/model"), [contrast], "weight", None, reference=False).searches
    (Bound(name='contrast', rounds=40, candidates=85, answered=8),)

    Args:
        settings: every choice of the repair.
        plugins: the scorers in the order they are tried, or the one repairer.
        subject: what is masked, as far as it is known: a reference that turns out unaligned
            is dropped, so the whole weight counts beside a delta that the user did not name.
        sets: the example sets; None where they are not read yet: then they count as full.
        reference: whether there is one, which answers, too.
    """
    subjects = {subject}
    if subject == "delta" and settings.subject == settings.reference == "auto":
        subjects.add("weight")
    amount = amount_of(settings)
    searches = tuple(_bound(amount, settings.step, spec, sorted(subjects)) for spec in plugins)
    if settings.answer_later:
        return Bounds(searches, 0)
    answers = _search_answers(settings.examples, sets, searches, reference=reference)
    if settings.evaluate:
        # Source and result answer under other templates, too: the reference's own may be one.
        templates = len(settings.also_template) + reference
        answers += (2 + reference + 2 * templates) * _prompts(sets, "report")
    return Bounds(searches, answers)


def most_screened(subject: SubjectKind, rounds: int) -> int:
    """How many masks a walk of so many rounds looks at: every step may be halved and seen again.

    A step is halved as often as it takes from the first one to the smallest, and once more for
    each time that it was doubled, which happens once a round.

    >>> most_screened("weight", 1), most_screened("factor", 1)
    (7, 5)
    """
    halvings = math.ceil(-math.log2(STEP_SCHEDULES[subject].smallest) - 1e-9)
    return rounds + halvings + rounds - 1


def _bound(
    amount: Amount,
    step: float | None,
    spec: ScorerSpec | RepairerSpec,
    subjects: Sequence[SubjectKind],
) -> Bound:
    limits = amount.limits
    if isinstance(amount, Fixed):
        rounds = 1
        if isinstance(spec, ScorerSpec) and spec.iterative:
            steps = [step or STEP_SCHEDULES[each].first for each in subjects]
            rounds = max(fixed_rounds(amount.value, each, limits.rounds) for each in steps)
        return Bound(spec.name, rounds, candidates=1, answered=0)
    if isinstance(spec, RepairerSpec):
        rounds, candidates = limits.rounds if spec.trains else 1, limits.rounds
    elif spec.iterative:
        rounds = limits.rounds
        candidates = max(most_screened(each, rounds) for each in subjects)
    else:
        rounds, candidates = 1, max(len(RATIO_GRIDS[each]) for each in subjects)
    return Bound(spec.name, rounds, candidates, min(candidates, limits.candidates))


def _search_answers(
    most: int, sets: Sets | None, searches: Iterable[Bound], *, reference: bool
) -> int:
    """Answers before the report: those of the searches, and those that make a set.

    ``most`` is how many examples of a set are scored, where the sets are not read yet.
    """
    asked = 0 if sets is None else _asked_for(sets)
    if answered := sum(each.answered for each in searches):
        asked += (1 + reference + answered) * _prompts(sets, "select")
    refusals = None if sets is None else sets.given.get(SetKey.REFUSAL)
    if reference and (sets is None or (refusals is not None and refusals.id == MADE)):
        own = None if sets is None else sets.splits["refusal"]  # its own refusals
        asked += most + SELECT_LIMIT if own is None else len(own.score) + len(own.select)
    return asked


def _asked_for(sets: Sets) -> int:
    """Prompts to which the source gives the answers that a set lacks, or that are to be its own."""
    own = {some.name for some in sets.given.values() if some.own_answers}
    realign = sets.given.get(SetKey.REALIGN)
    if realign is not None and not realign.answered:
        own.add("realign")
    parts = {name: PARTS if name != "realign" else PARTS[:2] for name in own}
    return sum(len(sets.splits[name].part(part)) for name in own for part in parts[name])


def _prompts(sets: Sets | None, part: Part) -> int:
    """The prompts of a part; those of realign and refusal are the same, and are asked once."""
    if sets is None:
        return FAMILIES * (SELECT_LIMIT if part == "select" else REPORT_LIMIT)
    parts = [split.part(part) for split in sets.splits.values()]
    if part == "report":
        parts += [kind.asked for kind in sets.splits.kinds]
    return len({example.key for some in parts for example in some})
