"""What to try next after a repair that failed, in the order of what helped most when measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modelrepair.artifact.manifest import Manifest
from modelrepair.evaluation.gate import GateResult
from modelrepair.pipeline.short_sets import short_sets
from modelrepair.preflight.named_sets import named_sets
from modelrepair.preflight.shortage import Short
from modelrepair.settings.amount import Fixed, Searched, amount_of
from modelrepair.settings.search_limits import MOST_GENERATIONS, MOST_ROUNDS, Limits
from modelrepair.settings.settings import Settings

MOST = 2
"""How many things are named: the next, and the one after it."""


@dataclass(frozen=True)
class Idea:
    """A change of the command that was given.

    >>> str(Idea("try contrast", add=("--scorer", "contrast")))
    'try contrast: --scorer contrast'

    Args:
        why: what it does, in words.
        add: words to add to the command; a value in capitals is the user's to fill in.
        drop: options to leave out.
    """

    why: str
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __str__(self) -> str:
        dropped = (f"without {option}" for option in self.drop)
        return f"{self.why}: {' '.join((*self.add, *dropped))}"

    def to_json(self) -> dict[str, Any]:
        """As ``modelrepair fix --json`` prints it."""
        return {"why": self.why, "add": list(self.add), "drop": list(self.drop)}


def advice(settings: Settings, manifest: Manifest, gate: GateResult | None) -> tuple[Idea, ...]:
    """Name what most likely helps a repair that is not passed, best first.

    The order is that of the tables in docs/results/: entries in place of larger units and a
    reference help most, then contrast in place of scores without a sign, then the merged model in
    place of an adapter's factors. Where too few examples are all that is missing, the sets that
    are short.

    >>> advice(settings, manifest, gate)[0].add  # doctest: +SKIP
    ('--reference', 'ORG/ALIGNED-MODEL')

    Args:
        settings: as the user gave them.
        manifest: of the repair.
        gate: what it said, where anything was measured.
    """
    if gate is None or gate.verdict == "passed" or gate.backwards:
        return ()
    if gate.unread:
        words = ("--judge", "guard", "--judge-option", "model=ORG/GUARD")
        return (Idea("take a judge that reads the language of the answers", add=words),)
    if gate.verdict == "undecided":
        # Without benign answers nothing decides, whatever else is short.
        benign = Idea("show what it must still be good for", add=("--utility", "plain"))
        lacks = () if "utility" in manifest.sets else (benign,)
        asked = settings.kind_examples
        short = short_sets(named_sets(settings), manifest, gate, settings.budgets.fewest, asked)
        return (*lacks, *_more_examples(short, gate.needed_of_kinds, asked))[:MOST]
    tried = {point.scorer for point in manifest.search}
    by_contrast = manifest.scorer is not None and manifest.scorer.name == "contrast"
    search = "let the search find how much is enough"
    ideas: list[Idea] = []
    amount = amount_of(settings)
    if isinstance(amount, Fixed) and settings.preset is None:
        ideas.append(Idea(search, drop=(f"--{amount.knob}",)))
    bounds = _short_of_default(amount.limits, timed=settings.max_time is not None)
    if isinstance(amount, Searched) and bounds:
        ideas.append(Idea("let the search go as far as it does by default", drop=bounds))
    if settings.unit not in (None, "entry"):
        ideas.append(Idea(f"mask entries in place of whole {settings.unit}s", drop=("--unit",)))
    if manifest.reference is None and manifest.subject == "weight":
        name = "name the aligned model that it was fine-tuned from"
        ideas.append(Idea(name, add=("--reference", "ORG/ALIGNED-MODEL")))
    if not by_contrast and "contrast" not in tried:
        needs = () if "utility" in manifest.sets else ("--utility", "plain")
        why = "look for what brings refusals back"
        ideas.append(Idea(why, add=("--scorer", "contrast", *needs), drop=_OF_A_REPAIRER))
    if manifest.subject == "factor":
        ideas.append(Idea("repair the merged model entry by entry", add=("--merge",)))
    missed = [rule.name for rule in gate.rules if rule.holds_budget is False]
    refuses = any(name.startswith("benign_refusal_rate") for name in missed)
    if refuses and "borderline" not in manifest.sets:
        why = "show what it must not refuse"
        ideas.append(Idea(why, add=("--borderline", "borderline")))
    if by_contrast and not ideas:
        why = "give more examples, utility and borderline ones above all"
        ideas.append(Idea(why, add=("--examples", str(2 * settings.examples))))
    return tuple(ideas[:MOST])


def _short_of_default(limits: Limits, *, timed: bool) -> tuple[str, ...]:
    """The options that end the search sooner than it would end without them."""
    given = {
        "--max-rounds": limits.rounds < MOST_ROUNDS,
        "--max-candidates": limits.candidates < MOST_GENERATIONS,
        "--max-time": timed,
    }
    return tuple(option for option, sooner in given.items() if sooner)


_OF_A_REPAIRER = ("--repairer", "--repairer-option", "--strength")


def _more_examples(short: list[Short], of_kinds: int | None, asked: int) -> Iterable[Idea]:
    """The sets that are too short to be sure, where a number of examples is known to do."""
    for each in short[:MOST]:
        yield Idea(str(each), add=(each.option, f"{each.key.role.upper()}.jsonl"))
    if of_kinds is not None and of_kinds > asked:
        why = f"{asked} examples of a kind leave it open; {of_kinds} decide"
        yield Idea(why, add=("--kind-examples", str(of_kinds)))
