"""A scorer under test: made, given statistics, and asked for scores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from modelrepair.errors import UsageError
from modelrepair.plugin.calls import checked
from modelrepair.plugin.names import SetName, SetUse, SubjectKind
from modelrepair.plugin.options import parse_options
from modelrepair.plugin.registry import make_scorer
from modelrepair.plugin.scorer import Accumulator, Scorer
from modelrepair.testing.checks import Broken, NotApplicable
from modelrepair.testing.examples import Examples
from modelrepair.testing.matrices import Layout, Matrix, make_matrices
from modelrepair.testing.subject import Subject

SUBJECT_KINDS: tuple[SubjectKind, ...] = ("weight", "delta", "factor")
PLAIN = Examples()
SPLIT_TOLERANCE = 1e-4
"""What another split of the batches may change, as a share of the largest value."""


def make(subject: Subject, subject_kind: SubjectKind) -> Scorer:
    """A new scorer for a kind of subject.

    >>> make(subject, "weight")                                               # doctest: +SKIP
    <modelrepair.scorers.wanda.Wanda ...>

    Args:
        subject: the plug-in.
        subject_kind: what masking would act on.

    Raises:
        NotApplicable: it refuses this kind of subject with a `UsageError`.
    """
    try:
        return make_scorer(subject.registered, subject.options, subject_kind)
    except UsageError as error:
        raise NotApplicable(f"it refuses a {subject_kind}: {error}") from error


def made_for_each(subject: Subject) -> Iterator[tuple[SubjectKind, Scorer]]:
    """A new scorer for each kind of subject that it does not refuse.

    >>> [kind for kind, _ in made_for_each(subject)]                          # doctest: +SKIP
    ['weight', 'delta', 'factor']

    Args:
        subject: the plug-in.
    """
    for kind in SUBJECT_KINDS:
        with contextlib.suppress(NotApplicable):
            yield kind, make(subject, kind)


def sets_of(subject: Subject, subject_kind: SubjectKind) -> Mapping[SetName, SetUse]:
    """The sets that it asks for before anything is computed.

    >>> sets_of(subject, "weight")                                            # doctest: +SKIP
    {'realign': 'pairs'}

    Args:
        subject: the plug-in.
        subject_kind: what masking would act on.
    """
    options = parse_options(subject.spec.options, subject.options, subject.name)
    found: Mapping[SetName, SetUse] = subject.spec.sets(options, subject_kind)
    return found


def all_matrices(subject: Subject) -> Mapping[Layout, tuple[Matrix, ...]]:
    """The matrices to score, by layout; to be asked for by `Subject.once`.

    >>> subject.once(all_matrices)["conv1d"]                                  # doctest: +SKIP
    (Matrix(layout='conv1d', ...),)
    """
    return make_matrices(subject.folder / "matrices")


def home(subject: Subject) -> Matrix:
    """The matrix on which properties are tried: a weight, unless the scorer refuses weights.

    >>> subject.once(home).layout                                             # doctest: +SKIP
    'weight'

    Raises:
        Broken: it refuses every kind of subject.
    """
    refused = []
    for kind in SUBJECT_KINDS:
        try:
            make(subject, kind)
        except NotApplicable as error:
            refused.append(str(error))
            continue
        return subject.once(all_matrices)[kind][0]
    raise Broken(f"it refuses every kind of subject: {refused[0]}")


def accumulators(subject: Subject) -> tuple[tuple[SetName, Accumulator], ...]:
    """Its accumulators on the home matrix, each with its set.

    >>> subject.once(accumulators)                                            # doctest: +SKIP
    (('realign', InputNorms(...)),)

    Raises:
        NotApplicable: it needs none.
    """
    scorer = make(subject, subject.once(home).subject_kind)
    found = tuple((name, each) for name, several in scorer.needs.items() for each in several)
    if not found:
        raise NotApplicable("it needs no statistics")
    return found


def statistics(subject: Subject, matrix: Matrix, scorer: Scorer, given: Examples = PLAIN) -> Any:
    """What the scorer is given for a matrix.

    >>> statistics(subject, matrix, scorer)                                   # doctest: +SKIP
    SiteStatistics(...)

    Args:
        subject: the plug-in.
        matrix: what is scored.
        scorer: says what it needs.
        given: the examples.
    """
    return given.statistics(scorer, sets_of(subject, matrix.subject_kind), matrix.site)


def raw_score(
    subject: Subject, matrix: Matrix, given: Examples = PLAIN, scorer: Scorer | None = None
) -> Any:
    """Whatever the scorer gives for a matrix, not looked at.

    >>> raw_score(subject, matrix)                                            # doctest: +SKIP
    tensor(...)

    Args:
        subject: the plug-in.
        matrix: what is scored.
        given: the examples.
        scorer: the one to ask; a new one where not given.
    """
    scorer = scorer or make(subject, matrix.subject_kind)
    return scorer.score(matrix.view(), statistics(subject, matrix, scorer, given))


def score(
    subject: Subject, matrix: Matrix, given: Examples = PLAIN, scorer: Scorer | None = None
) -> Tensor:
    """The scores of a matrix, looked at as a repair looks at them; arguments as `raw_score`.

    >>> score(subject, matrix).shape                                          # doctest: +SKIP
    torch.Size([6, 8])

    Raises:
        PluginError: they are not a float32 tensor of the matrix's shape, all finite.
    """
    like = matrix.view().subject

    def compute() -> Tensor:
        found: Tensor = raw_score(subject, matrix, given, scorer)
        return found

    return checked(subject.registered, matrix.site.name, like, "scores", compute, {})


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference of two tensors, as a share of the largest entry.

    >>> import torch
    >>> difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]))
    0.5

    Args:
        one: a tensor.
        other: one of the same shape.
    """
    if not one.numel():
        return 0.0
    one, other = one.detach(), other.detach()
    largest = max(float(one.abs().max()), float(other.abs().max()))
    return float((one - other).abs().max()) / largest if largest else 0.0
