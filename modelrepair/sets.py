"""The example sets of a run: read, made where missing, cut, their roles screened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelrepair.bench import Notes, Sets
from modelrepair.errors import ExampleSetError, UsageError
from modelrepair.examples.load import ExampleSet, load_set
from modelrepair.examples.refusals import make_refusals
from modelrepair.examples.splits import Split, Splits, split_sets
from modelrepair.registry.specs import Exchange, Judge, SetName
from modelrepair.settings import PATHS, SETS, Settings

if TYPE_CHECKING:
    from modelrepair.examples.template import Tokenized


def load_sets(settings: Settings, notes: Notes) -> Sets:
    """Read all example sets, make refusals where none are given, and cut them.

    Raises:
        ExampleSetError: a set that can't be read, is malformed, empty, or leaves nothing to
            score with.
    """
    given: dict[str, ExampleSet] = {}
    for option in PATHS:
        path = getattr(settings, option)
        if path is not None:
            role: SetName = option.removeprefix("test_")  # type: ignore[assignment]
            given[option.replace("_", "-")] = load_set(path, role)
    if "refusal" not in given:
        given["refusal"] = make_refusals(given["realign"])
    if "test-realign" in given and "test-refusal" not in given:
        given["test-refusal"] = make_refusals(given["test-realign"])
    for name in SETS:
        if f"test-{name}" in given and name not in given:
            raise UsageError(
                f"--test-{name} without --{name}",
                hint=f"give the {name} set to score and search with, too",
            )
    arguments: dict[str, Any] = {name.replace("-", "_"): some for name, some in given.items()}
    splits = split_sets(**arguments, examples=settings.examples)
    for warning in splits.warnings if settings.evaluate else ():
        notes.warn(warning)
    for name, count in splits.dropped.items():
        notes.warn(f"{count} prompts of the {name} set stand in another set and were left out")
    return Sets(given, splits)


def load_whole_sets(settings: Settings) -> Splits:
    """All given sets as the report part, for a measurement that scores and searches nothing.

    Raises:
        UsageError: no set was given.
    """
    parts: dict[SetName, Split] = {}
    for name in SETS:
        path = getattr(settings, name)
        if path is not None:
            role: SetName = name  # type: ignore[assignment]
            examples = load_set(path, role, answers=False).examples
            parts[role] = Split((), (), examples)
    if not parts:
        raise UsageError(
            "no example set was given", hint="give --realign, --refusal, --utility or --borderline"
        )
    return Splits(parts, {}, ())


def screen_roles(sets: Sets, judge: Judge) -> None:
    """Refuse swapped sets: harmful answers that refuse, or refusals that comply.

    Raises:
        ExampleSetError: most answers of a set play the other set's role.
    """
    from modelrepair.measure.evaluate import ask

    wrong = {"realign": "refusal", "refusal": "harmful"}
    for name, verdict in wrong.items():
        examples = [example for example in sets.given[name].examples if example.response]
        exchanges = [
            Exchange("harmful", example.prompt, example.response or "", example.response)
            for example in examples
        ]
        count = sum(each == verdict for each in ask(judge, exchanges))
        if 2 * count > len(exchanges):
            kind = "refusals" if verdict == "refusal" else "compliance"
            raise ExampleSetError(
                f"the judge {judge.name!r} calls {count} of {len(exchanges)} answers of the "
                f"{name} set {kind}",
                hint="--realign takes harmful answers, --refusal safe ones: are they swapped?",
            )


def count_cut(name: str, tokenized: Tokenized, notes: Notes) -> None:
    """Say what did not fit into ``--max-length``."""
    notes.cut[name] = tokenized.cut + tokenized.dropped
    if tokenized.cut:
        notes.warn(f"{tokenized.cut} answers of the {name} set were cut at --max-length")
    if tokenized.dropped:
        notes.warn(f"{tokenized.dropped} prompts of the {name} set exceed --max-length: left out")
