"""Checks of a scorer's accumulators: what it takes from the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from modelrepair.engine.passes.loss import LOSSES
from modelrepair.plugin.names import SetName
from modelrepair.plugin.scorer import Accumulator, SiteInfo
from modelrepair.settings.search_limits import MOST_ROUNDS
from modelrepair.testing.checks import Broken, Check, NotApplicable
from modelrepair.testing.examples import BATCHES, SETS
from modelrepair.testing.matrices import Matrix
from modelrepair.testing.subject import Subject
from modelrepair.testing.trials import (
    PLAIN,
    SPLIT_TOLERANCE,
    accumulators,
    all_matrices,
    difference,
    home,
    made_for_each,
    make,
    sets_of,
    statistics,
)

SPARE = 2
"""How many times what a state takes ``nbytes`` may say."""


def made(subject: Subject) -> None:
    """It is made from its options for every kind of subject that it does not refuse."""
    subject.once(home)
    for _, scorer in made_for_each(subject):
        if not isinstance(scorer.needs, Mapping):
            raise Broken(f"its `needs` is a {type(scorer.needs).__name__}, expected a mapping")


def sets(subject: Subject) -> None:
    """What it needs is of sets that it asks for, and gradients are of answers."""
    for kind, scorer in made_for_each(subject):
        asked = sets_of(subject, kind)
        for name, use in asked.items():
            if name not in SETS or use not in ("prompts", "pairs"):
                raise Broken(f"it asks for {use!r} of a set {name!r}")
        for name, several in scorer.needs.items():
            if name not in asked:
                raise Broken(f"it needs statistics of the {name} set, and `sets` does not name it")
            if asked[name] == "prompts" and any(each.reads == "gradients" for each in several):
                raise Broken(
                    f"it reads gradients on the {name} set and asks for prompts alone: gradients "
                    "are of answers"
                )


def gradients_flag(subject: Subject) -> None:
    """``gradients`` of the spec says what its accumulators read."""
    read = any(
        each.reads == "gradients"
        for _, scorer in made_for_each(subject)
        for several in scorer.needs.values()
        for each in several
    )
    if read != subject.spec.gradients:
        has = "read gradients" if read else "read no gradients"
        raise Broken(f"its accumulators {has}, and its spec says gradients={not read}")


def losses(subject: Subject) -> None:
    """``losses``, where it has them, names sets and losses that there are."""
    scorer = make(subject, subject.once(home).subject_kind)
    given = getattr(scorer, "losses", None)
    if given is None:
        raise NotApplicable("it has no `losses`: its gradients are of the log-likelihood")
    for name, loss in given.items():
        if name not in SETS or loss not in LOSSES:
            raise Broken(f"`losses` has {loss!r} for {name!r}; there are: {', '.join(LOSSES)}")


def eased(subject: Subject) -> None:
    """``eased``, where it has it, gives scorers of the same statistics, and comes to an end."""
    scorer: Any = make(subject, subject.once(home).subject_kind)
    if getattr(scorer, "eased", None) is None:
        raise NotApplicable("it has no `eased`: a search ends where nothing is left to mask")
    needs = scorer.needs
    for _ in range(MOST_ROUNDS):
        scorer = scorer.eased()
        if scorer is None:
            return
        if getattr(scorer, "needs", None) != needs:
            raise Broken("what `eased` gives needs other statistics")
    raise Broken(f"`eased` gave another scorer {MOST_ROUNDS} times; a search has no more rounds")


def same_when_made_again(subject: Subject) -> None:
    """An accumulator is found again: it is hashable, and equal when the scorer is made again."""
    again = make(subject, subject.once(home).subject_kind)
    for name, each in subject.once(accumulators):
        title = type(each).__name__
        if is_dataclass(each) and not type(each).__dataclass_params__.frozen:
            raise Broken(f"{title} is no frozen dataclass")
        try:
            found = {each} & set(again.needs[name])
        except TypeError as error:
            raise Broken(f"{title} is not hashable") from error
        if not found:
            raise Broken(f"{title} equals none of another scorer with the same options")
        if each.reads not in ("inputs", "gradients") or each.combine not in ("sum", "max"):
            raise Broken(f"{title} reads {each.reads!r} and combines by {each.combine!r}")


def contribution(subject: Subject) -> None:
    """A contribution is a mapping of float32 tensors, in the same shapes for every batch."""
    for matrix in _looked_at(subject):
        for name, each in subject.once(accumulators):
            shapes: dict[str, Any] = {}
            for numbers in BATCHES:
                part = _of(subject, each, name, numbers, matrix)
                if not isinstance(part, Mapping):
                    raise Broken(
                        f"{type(each).__name__} gave a {type(part).__name__}, expected a mapping"
                    )
                for key, value in part.items():
                    if not isinstance(value, Tensor) or value.dtype != torch.float32:
                        given = value.dtype if isinstance(value, Tensor) else type(value).__name__
                        raise Broken(
                            f"{type(each).__name__} gave {key!r} as {given}, expected a float32 "
                            "tensor"
                        )
                    if not torch.isfinite(value).all():
                        raise Broken(f"{type(each).__name__} gave {key!r} that is not finite")
                found = {key: tuple(value.shape) for key, value in part.items()}
                if shapes and found != shapes:
                    raise Broken(
                        f"{type(each).__name__} gave {found} for one batch and {shapes} for another"
                    )
                shapes = found


def reads(subject: Subject) -> None:
    """An accumulator depends on what it declares, and on nothing more."""
    matrix = subject.once(home)
    for name, each in subject.once(accumulators):
        title = type(each).__name__
        batch = PLAIN.flat(name, BATCHES[0], matrix.site, "pairs")
        blind = replace(batch, output_gradients=None)
        info = matrix.site.info
        try:
            without = each.contribution(info, blind)
        except Exception as error:
            if each.reads == "gradients":
                continue
            raise Broken(
                f"{title} declares that it reads inputs, and fails without gradients: "
                f"{type(error).__name__}: {error}"
            ) from error
        full = each.contribution(info, batch)
        if each.reads == "gradients":
            if _same(full, without):
                raise Broken(f"{title} declares that it reads gradients, and reads none")
            continue
        if not _same(full, without):
            raise Broken(f"{title} declares that it reads inputs, and reads gradients, too")
        # Sites that share an input share its contribution, whatever they are called.
        other = SiteInfo(
            "another.weight", "linear", info.block + 5, (info.shape[0] + 1, info.shape[1])
        )
        if not _same(full, each.contribution(other, batch)):
            raise Broken(
                f"{title} declares that it reads inputs, and depends on the matrix: layers with "
                "the same input share one contribution"
            )


def adds_up(subject: Subject) -> None:
    """The contributions of the parts of a batch make up the contribution of the whole."""
    for matrix in _looked_at(subject):
        for name, each in subject.once(accumulators):
            whole = _of(subject, each, name, [n for numbers in BATCHES for n in numbers], matrix)
            parts = [_of(subject, each, name, numbers, matrix) for numbers in BATCHES]
            for key, value in whole.items():
                stacked = torch.stack([part[key].double() for part in parts])
                added = stacked.sum(0) if each.combine == "sum" else stacked.amax(0)
                share = difference(value.double(), added)
                if share > SPLIT_TOLERANCE:
                    word = "sum" if each.combine == "sum" else "maximum"
                    raise Broken(
                        f"{type(each).__name__}: {key!r} of a batch differs from the {word} over "
                        f"its parts by {share:.1e} of the largest value, at most "
                        f"{SPLIT_TOLERANCE:.0e}"
                    )


def nbytes(subject: Subject) -> None:
    """A state takes no more memory than ``nbytes`` says, and not much less."""
    for matrix in _looked_at(subject):
        scorer = make(subject, matrix.subject_kind)
        states = statistics(subject, matrix, scorer)
        for name, each in subject.once(accumulators):
            takes = sum(value.nbytes for value in states[name, each].values())
            says = each.nbytes(matrix.site.info)
            if not takes <= says <= SPARE * takes:
                raise Broken(
                    f"{type(each).__name__}: its state takes {takes} bytes for a matrix of "
                    f"{list(matrix.site.info.shape)}, and nbytes says {says}"
                )


def _looked_at(subject: Subject) -> list[Matrix]:
    """The home matrix and one of another shape; of experts, the one that some batches miss."""
    matrix = subject.once(home)
    beside = [*subject.once(all_matrices)["expert"][2:]]
    if matrix.subject_kind == "weight":
        return [matrix, *beside]
    return [matrix]


def _of(
    subject: Subject, each: Accumulator, name: SetName, numbers: Any, matrix: Matrix
) -> Mapping[str, Tensor]:
    use = sets_of(subject, matrix.subject_kind).get(name, "pairs")
    batch = PLAIN.flat(name, numbers, matrix.site, use)
    if each.reads == "inputs":
        batch = replace(batch, output_gradients=None)
    return each.contribution(matrix.site.info, batch)


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[key].shape == other[key].shape and torch.equal(one[key], other[key]) for key in one
    )


STATISTICS = (
    Check(
        "made",
        "It is made from its options, for each kind of subject (weight, delta, factor) that it "
        "does not refuse with a `UsageError`.",
        made,
        "scorer … could not be made: … · it refuses every kind of subject: … · its `needs` is a …, "
        "expected a mapping",
    ),
    Check(
        "sets",
        "`sets` of its spec names every set of which it needs statistics, as `prompts` or `pairs`; "
        "gradients need pairs.",
        sets,
        "it needs statistics of the … set, and `sets` does not name it · it asks for … of a set … "
        "· it reads gradients on the … set and asks for prompts alone: gradients are of answers",
    ),
    Check(
        "gradients-flag",
        "`gradients` of its spec is true where an accumulator reads gradients, and only there.",
        gradients_flag,
        "its accumulators read …, and its spec says gradients=…",
    ),
    Check(
        "losses",
        "`losses`, where it has them, maps sets to `log-likelihood` or `log-odds`.",
        losses,
        "`losses` has … for …; there are: …",
    ),
    Check(
        "eased",
        "`eased`, where it has it, gives the same scorer with a smaller penalty, of the same "
        "statistics, and None at some time.",
        eased,
        "what `eased` gives needs other statistics · `eased` gave another scorer … times; a search "
        "has no more rounds",
    ),
    Check(
        "accumulators",
        "Each accumulator is frozen and hashable, equals that of another scorer with the same "
        "options, and declares what it reads and how it is combined.",
        same_when_made_again,
        "… is no frozen dataclass · … is not hashable · … equals none of another scorer with the "
        "same options · … reads … and combines by …",
    ),
    Check(
        "contribution",
        "A contribution maps names to finite float32 tensors, in the same shapes for every batch: "
        "also for one in which an expert sees no token.",
        contribution,
        "… gave a …, expected a mapping · … gave … as …, expected a float32 tensor · … gave … that "
        "is not finite · … gave … for one batch and … for another",
    ),
    Check(
        "reads",
        "An accumulator that declares inputs depends on nothing else: not on gradients, nor on the "
        "matrix's name and height. One that declares gradients reads them.",
        reads,
        "… declares that it reads inputs, and fails without gradients: … · … declares that it "
        "reads inputs, and reads gradients, too · … declares that it reads inputs, and depends on "
        "the matrix: … · … declares that it reads gradients, and reads none",
    ),
    Check(
        "adds-up",
        "The contribution of a batch is the sum (or maximum) of those of its parts, up to 1e-4 of "
        "the largest value.",
        adds_up,
        "…: … of a batch differs from the … over its parts by … of the largest value, at most "
        "1e-04",
    ),
    Check(
        "nbytes",
        "A state takes at most the bytes that `nbytes` says (in float64), and at least half of "
        "them.",
        nbytes,
        "…: its state takes … bytes for a matrix of …, and nbytes says …",
    ),
)
"""The checks of its accumulators."""
