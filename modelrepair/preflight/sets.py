"""The example sets of a run: read, made where missing, cut, their roles screened."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from modelrepair.errors import ExampleSetError, UsageError
from modelrepair.examples.checks import look_at_answers
from modelrepair.examples.find import OWN_ANSWERS, find_set
from modelrepair.examples.keys import ROLES, SetKey
from modelrepair.examples.kinds import BENIGN, without_kinds
from modelrepair.examples.load import ExampleSet, SetReading
from modelrepair.examples.refusals import make_refusals
from modelrepair.examples.splits import Split, Splits, split_sets
from modelrepair.plugin.judge import Exchange, Judge
from modelrepair.plugin.names import SetName
from modelrepair.preflight.named_sets import NamedSet, NamedSets, named_sets
from modelrepair.preflight.shortage import short_kinds
from modelrepair.progress import Notes
from modelrepair.settings.amount import Knob, Searched, amount_of
from modelrepair.settings.settings import DEFAULT_SETS, Settings

if TYPE_CHECKING:
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.keys import SetKey
    from modelrepair.examples.load import ExampleSet
    from modelrepair.examples.splits import Splits
    from modelrepair.examples.template import Tokenized
    from modelrepair.plugin.repairer import Batch, TokenizedExample

REFUSED = {
    SetKey.REALIGN: SetKey.REFUSAL,
    SetKey.TEST_REALIGN: SetKey.TEST_REFUSAL,
}
"""Which set holds the refusals of the prompts of which."""
WRONG = {SetKey.REALIGN: "refusal", SetKey.REFUSAL: "harmful"}
"""What a judge must not call most answers of a set."""
SCREENED = 256
"""So many answers of a set, in the order of their hashes, are enough for most checks."""


def load_sets(
    settings: Settings,
    notes: Notes,
    judge: Judge | None = None,
    keys: Container[SetKey] = tuple(SetKey),
    known: Mapping[SetKey, ExampleSet] = MappingProxyType({}),
) -> Sets:
    """Read the example sets, make refusals where none are given, and cut them.

    Args:
        settings: which sets, and how their rows are read.
        notes: where warnings go.
        judge: says whether the chosen answers of preference data are refusals; without it they
            are taken for some.
        keys: the sets that are needed; the others are not fetched.
        known: sets that were read already.

    Raises:
        ExampleSetError: a set that can't be read, is malformed, empty, or leaves nothing to
            score with.
        HubError: a set on the Hub that can't be had.
    """
    named = named_sets(settings)
    given: dict[SetKey, ExampleSet] = {}
    for key in SetKey:
        if key in known:
            given[key] = known[key]
        elif key in keys and key in named:
            given[key] = read_named(named[key], key.role, notes)
    return cut_sets(settings, given, notes, judge)


def cut_sets(
    settings: Settings, given: dict[SetKey, ExampleSet], notes: Notes, judge: Judge | None = None
) -> Sets:
    """Make refusals where none are given, look at the sets, and cut them; Raises as `load_sets`."""
    named = named_sets(settings)
    for harmful, safe in REFUSED.items():
        if harmful in given and safe not in given:
            given[safe] = _refusals(named[harmful], given[harmful], notes, judge)
    for key in ROLES:
        if key.tested in given and key not in given:
            raise UsageError(
                f"{key.tested.option} without {key.option}",
                hint=f"give the {key} set to score and search with, too",
            )
    for key, some in given.items():
        look_at_answers(key, some, notes)
    wanted = settings.kind_examples if settings.evaluate else 0
    own = own_kinds() if wanted else ()
    # A part of an own set has too few of a kind: those are asked from the rest of it.
    cut = {
        key: without_kinds(some) if any(_is_part(some, each) for each in own) else some
        for key, some in given.items()
    }
    splits = split_sets(
        **{key.value: some for key, some in cut.items()},
        examples=settings.examples,
        kinds=wanted,
        beside=own,
    )
    amount = amount_of(settings)
    if settings.evaluate and isinstance(amount, Searched):
        _require_select(splits, given, amount.knob)
    for warning in splits.warnings if settings.evaluate else ():
        notes.warn(warning)
    for short in short_kinds(named, given, splits, settings.budgets, settings.kind_examples):
        notes.warn(f"{short}; until then the verdict may stay undecided")
    for key, count in splits.dropped.items():
        notes.warn(f"left out of the {key} set: {count} of its prompts, which are in another set")
    return Sets(given, splits)


def _require_select(splits: Splits, given: Mapping[SetKey, ExampleSet], knob: Knob) -> None:
    """Refuse to search without a single harmful prompt to search with."""
    if SetKey.REALIGN in given and not splits.harmful("select"):
        counted = len({example.key for example in given[SetKey.REALIGN].examples})
        raise ExampleSetError(
            f"the realign set leaves nothing to search with: {counted} prompts of its own",
            hint=f"give it at least 100 prompts, or a number for --{knob}",
            id="set-too-small",
        )


@cache
def own_kinds() -> Sequence[ExampleSet]:
    """The package's own benign sets: whatever sets are given, their kinds are asked, too."""
    return tuple(find_set(DEFAULT_SETS[role], role, SetReading())[0] for role in BENIGN)


def _is_part(some: ExampleSet, whole: ExampleSet) -> bool:
    return {each.key for each in some.examples} < {each.key for each in whole.examples}


def load_whole_sets(named: NamedSets, notes: Notes) -> Splits:
    """All given sets as the report part, for a measurement that scores and searches nothing.

    Raises:
        UsageError: no set was given.
    """
    parts: dict[SetName, Split] = {}
    for key in ROLES:
        if key not in named:
            continue
        some = read_named(named[key], key.role, notes, answers=False)
        if some.own_answers:
            raise UsageError(
                f"{key.option} {some.id}: a measurement takes answers from a set",
                hint=f"leave {OWN_ANSWERS} out",
            )
        parts[some.name] = Split((), (), some.examples)
    if not parts:
        raise UsageError(
            "no example set was given",
            hint="give --realign, --refusal, --utility or --borderline",
            id="set-missing",
        )
    return Splits(parts, {}, ())


def read_named(
    named: NamedSet, role: SetName, notes: Notes, *, answers: bool | None = None
) -> ExampleSet:
    """A set that was named, read in a role.

    Args:
        named: the set, and how its rows are read.
        role: what its examples are used as.
        notes: where warnings go.
        answers: whether its rows need answers, as `load_set` takes it.

    Raises:
        ExampleSetError: it can't be read, is malformed or empty.
        HubError: a set on the Hub that can't be had.
    """
    some, said = find_set(named.text, role, named.reading, answers=answers)
    for line in said:
        notes.warn(line)
    if some.faults:
        notes.warn(f"left out of {some.id}: {len(some.faults)} of its rows; first {some.faults[0]}")
    if role == "refusal" and not some.answered:
        raise ExampleSetError(
            f"{some.id}: the refusal set has prompts without answers",
            hint="leave --refusal out: refusals are made for the prompts of --realign",
            id="set-without-answers",
        )
    return some


def _refusals(
    named: NamedSet, realign: ExampleSet, notes: Notes, judge: Judge | None
) -> ExampleSet:
    """Refusals of the realign prompts: the chosen answers of preference data, else made ones."""
    if realign.preference:
        chosen = read_named(named, "refusal", notes)
        if judge is None or not _swapped(chosen, judge):
            return chosen
        notes.warn(
            f"most chosen answers of {realign.id} are no refusals to the judge: refusals were made"
        )
    return make_refusals(realign)


def screen_roles(sets: Sets, judge: Judge) -> None:
    """Refuse swapped sets: harmful answers that refuse, or refusals that comply.

    Raises:
        ExampleSetError: most answers of a set play the other set's role.
    """
    for name in WRONG:
        if name in sets.given and (counted := _swapped(sets.given[name], judge)):
            kind = "refusals" if name == "realign" else "compliance"
            raise ExampleSetError(
                f"the judge {judge.name!r} calls {counted[0]} of {counted[1]} answers of the "
                f"{name} set {kind}",
                hint="--realign takes harmful answers, --refusal safe ones: are they swapped?",
                id="set-swapped",
            )


def _swapped(some: ExampleSet, judge: Judge) -> tuple[int, int] | None:
    """How many of how many answers play the other set's role, where most do."""
    from modelrepair.evaluation.evaluate import ask

    examples = [example for example in some.examples if example.response][:SCREENED]
    exchanges = [
        Exchange("harmful", example.prompt, example.response or "", example.response)
        for example in examples
    ]
    count = sum(each == WRONG[SetKey(some.name)] for each in ask(judge, exchanges))
    return (count, len(exchanges)) if 2 * count > len(exchanges) else None


def score_tokens(panel: Panel, notes: Notes) -> dict[SetName, tuple[TokenizedExample, ...]]:
    """The score part of each set, as tokens; borderline answers stand with utility's.

    What looks harmful and is not is what a repair breaks first, so benign answers are one family
    for whatever repairs, as they are for the gate.
    """
    found = {}
    for name, split in panel.splits.items():
        tokenized = panel.template.examples(split.score)
        count_cut(name, tokenized, notes)
        found[name] = tuple(tokenized.examples)
    if "utility" in found:
        borderline = found.get("borderline", ())
        answered = [each for each in borderline if each.answer_start < len(each.ids)]
        found["utility"] = (*found["utility"], *answered)
    return found


def score_batches(panel: Panel, notes: Notes) -> dict[SetName, list[Batch]]:
    """The same in canonical batches."""
    from modelrepair.evaluation.panel import batches_of

    return {name: batches_of(panel, some) for name, some in score_tokens(panel, notes).items()}


def count_cut(name: str, tokenized: Tokenized, notes: Notes) -> None:
    """Say what did not fit into ``--max-length``."""
    notes.cut[name] = tokenized.cut + tokenized.dropped
    if tokenized.cut:
        notes.warn(f"{tokenized.cut} answers of the {name} set were cut at --max-length")
    if tokenized.dropped:
        notes.warn(f"{tokenized.dropped} prompts of the {name} set exceed --max-length: left out")


@dataclass(frozen=True)
class Sets:
    """The example sets, as they were given and as they are cut.

    Args:
        given: by key; made refusals are among them.
        splits: what scores, what the search sees, what is reported.
    """

    given: Mapping[SetKey, ExampleSet]
    splits: Splits
