"""What a search looked at, and which of it is the best: least harm at a cost that was allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelrepair.budgets import Budgets
from modelrepair.engine.weights import Change
from modelrepair.evaluation.evaluate import Screen
from modelrepair.evaluation.gate import (
    costs_within_budgets,
    meets_target,
    rates_within_budgets,
    removes_enough,
)
from modelrepair.evaluation.measures import summarise
from modelrepair.evaluation.results import ExampleResult
from modelrepair.evaluation.rules import ROUNDING
from modelrepair.evaluation.standing import target_of


@dataclass(frozen=True)
class Candidate:
    """One mask, or one edit, that the search looked at.

    Args:
        scorer: the name of the scorer, or of the repairer.
        round: how many times the scorer had been asked.
        ratio: the share that was asked for, over all steps; of a repairer, its strength.
        share: the share of all entries of the sites that is masked, or changed.
        change: the mask or the edit itself.
        screen: figures without generation; None where nothing was measured.
        results: on the select split, where this point generated.
        scored: on the benign answers that scoring sees, where they were looked at, too.
    """

    scorer: str
    round: int
    ratio: float
    share: float
    change: Change
    screen: Screen | None = None
    results: tuple[ExampleResult, ...] | None = None
    scored: tuple[ExampleResult, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """Source and reference on the select split: what points are compared with.

    Args:
        before: results of the source.
        before_screen: its figures without generation.
        reference: results of the reference, where there is one.
        scored: results of the source on the benign answers that scoring sees; empty where no
            point is looked at on them.
    """

    before: tuple[ExampleResult, ...]
    before_screen: Screen
    reference: tuple[ExampleResult, ...] | None
    scored: tuple[ExampleResult, ...] = ()

    @property
    def target(self) -> Sequence[ExampleResult] | None:
        """The reference's results, where its harm is an aim: not where it answers most prompts."""
        return target_of(self.reference)


def choose(points: Sequence[Candidate], baseline: Baseline, budgets: Budgets) -> Candidate:
    """The point to publish, of those that generated.

    With a target, the harm of the reference: one that meets it at no cost over the budgets. Else,
    or where none does: one within the budgets. Among those that do, one that spends little goes
    before one that spends much: other examples may show it dearer. Then the least harm, the least
    utility lost (where all were looked at on what scoring sees, too), the likeliest benign answers,
    the smallest mask. Where every point costs too much, the one that misses its budgets by the
    least.
    """
    before, aim = baseline.before, baseline.target
    measured = [point for point in points if point.results is not None]
    comparable = all(point.scored for point in measured)

    def rank(point: Candidate) -> tuple[float, ...]:
        after = point.results or ()
        cheap = affordable(point, baseline, budgets)
        target = aim is not None and meets_target(after, aim, budgets)
        much = spends_much(point, baseline, budgets)
        lost = lost_of_both(shares_of(after), point, baseline)[0] if comparable else 0.0
        lost = round(lost, 9)  # equal shares of tokens may add up to sums that are not
        worth = (much, harm(point), lost, utility_loss(point), point.share)
        if cheap and target:
            return (0, *worth)
        if cheap:
            return (1, not repairs(point, baseline, budgets), *worth)
        return (2, _excess(before, after), point.share)

    return min(measured, key=rank)


def repairs(point: Candidate, baseline: Baseline, budgets: Budgets) -> bool:
    """Whether a point meets every budget on the select split."""
    if point.results is None:
        return False
    known = baseline.before, point.results, baseline.target, budgets
    return removes_enough(*known) and affordable(point, baseline, budgets)


def affordable(point: Candidate, baseline: Baseline, budgets: Budgets) -> bool:
    """Whether a point that generated keeps every budget but harm's.

    Where the benign answers that scoring sees were looked at, too, utility is that of both: one
    example of a small select split weighs more than the whole budget. And as with the rates, one
    example is no reason to turn a point down.
    """
    after = point.results or ()
    if not point.scored:
        return costs_within_budgets(baseline.before, after, baseline.reference, budgets)
    lost, examples = lost_of_both(shares_of(after), point, baseline)
    kept = lost <= budgets.utility_loss + ROUNDING or lost * examples <= 1 + ROUNDING
    return kept and rates_within_budgets(baseline.before, after, baseline.reference, budgets)


def arrives(point: Candidate, baseline: Baseline, budgets: Budgets) -> bool:
    """Whether nothing else need be looked for: the target is met at little cost.

    The target is the reference's harm; without a reference, or with one that answers most prompts
    harmfully, no harm.
    """
    if point.results is None or not affordable(point, baseline, budgets):
        return False
    return not spends_much(point, baseline, budgets) and harm_is_gone(point, baseline, budgets)


def harm_is_gone(point: Candidate, baseline: Baseline, budgets: Budgets) -> bool:
    """Whether a point that answered meets the target, whatever it costs."""
    if summarise(point.results or (), "").harmful_score is None:
        return harm(point) == 0
    return meets_target(point.results or (), baseline.target, budgets)


def harm(point: Candidate) -> float:
    """The harmful score of a point; where nothing was generated, the share that its margin loses.

    That is the share of harmful prompts where the harmful answer is likelier than the refusal.
    """
    score = summarise(point.results or (), "").harmful_score
    if score is not None:
        return score.value
    return 1.0 - (refusing(point) or 0.0)


def refusing(point: Candidate) -> float | None:
    """The share of harmful prompts whose refusal is likelier than the harmful answer, if known."""
    return point.screen.refusing if point.screen else None


def utility_loss(point: Candidate) -> float:
    """The loss on the utility set of the select split; nothing where it was not measured."""
    return (point.screen.utility_loss if point.screen else None) or 0.0


def harm_of_source(baseline: Baseline) -> float:
    """The source's harm on the select split, in the same terms as a point's."""
    score = summarise(baseline.before, "").harmful_score
    if score is not None:
        return score.value
    refusing = baseline.before_screen.refusing
    return 1.0 if refusing is None else 1.0 - refusing


def shares_of(results: Sequence[ExampleResult]) -> tuple[float, int]:
    """The sum of the utility examples' shares of answer tokens, and how many examples these are."""
    shares = [each.share for each in results if each.set == "utility" and each.share is not None]
    return sum(shares), len(shares)


def lost_of_both(
    after: tuple[float, int], point: Candidate, baseline: Baseline
) -> tuple[float, int]:
    """Utility lost on the select split and on the benign answers that scoring sees, pooled.

    What scoring saw it may have learnt, so a gain on it counts as none; a loss on answers that
    it was to keep is one elsewhere, too.

    Args:
        after: the sum of a point's shares on the select split, and of how many examples.
        point: the point, with its results on what scoring sees.
        baseline: the source's results on both.

    Returns:
        The mean over all examples, and how many these are.
    """
    (before, _), (total, examples) = shares_of(baseline.before), after
    (seen_before, _), (seen, more) = shares_of(baseline.scored), shares_of(point.scored)
    if not examples + more:
        return 0.0, 0
    return (before - total + max(0.0, seen_before - seen)) / (examples + more), examples + more


def spends_much(point: Candidate, baseline: Baseline, budgets: Budgets) -> bool:
    """Whether a point, within its budgets here, may be over them on other examples.

    It is where it spends more than half of the utility budget, or where benign answers have become
    less likely though none has fallen yet.
    """
    one = summarise(baseline.before, "").utility
    two = summarise(point.results or (), "").utility
    if one and two:
        lost = one.value - two.value
        if point.scored:
            lost, _ = lost_of_both(shares_of(point.results or ()), point, baseline)
        if lost > budgets.utility_loss / 2:
            return True
    before = baseline.before_screen.utility_loss
    after = None if point.screen is None else point.screen.utility_loss
    return before is not None and after is not None and after > 1.5 * before + 0.005


def _excess(before: Sequence[ExampleResult], after: Sequence[ExampleResult]) -> float:
    """How much is left of the harm and how much is lost elsewhere, added up."""
    one, two = summarise(before, ""), summarise(after, "")
    total = two.harmful_score.value if two.harmful_score else 0.0
    if one.utility and two.utility:
        total += max(0.0, one.utility.value - two.utility.value)
    for name in ("benign_refusal_rate", "degenerate_rate"):
        old, new = getattr(one, name), getattr(two, name)
        if old and new:
            total += max(0.0, new.value - old.value)
    return total
