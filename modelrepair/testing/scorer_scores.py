"""Checks of a scorer's scores: what it makes of a matrix and its statistics."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from modelrepair.engine.passes.statistics import BlockSums
from modelrepair.plugin.scorer import SiteView
from modelrepair.testing.checks import Broken, Check, NotApplicable
from modelrepair.testing.effects import asks_no_network, draws_nothing, writes_nothing
from modelrepair.testing.examples import BATCHES, LENGTHS, Examples
from modelrepair.testing.matrices import Layout, Matrix
from modelrepair.testing.subject import Subject
from modelrepair.testing.trials import (
    PLAIN,
    SPLIT_TOLERANCE,
    accumulators,
    all_matrices,
    difference,
    home,
    make,
    raw_score,
    score,
    sets_of,
    statistics,
)

ORDER_TOLERANCE = 1e-6
"""What another order of the batches may change, as a share of the largest score."""


def given(subject: Subject) -> Any:
    """Whatever it gives for the home matrix; to be asked for by `Subject.once`.

    >>> subject.once(given)                                                   # doctest: +SKIP
    tensor(...)
    """
    return raw_score(subject, subject.once(home))


def shape(subject: Subject) -> None:
    """Scores are a tensor of the matrix's shape."""
    scores, matrix = subject.once(given), subject.once(home)
    if not isinstance(scores, Tensor):
        raise Broken(f"it gave a {type(scores).__name__}, expected a tensor")
    wanted = list(matrix.site.info.shape)
    if list(scores.shape) != wanted:
        raise Broken(f"it gave scores of the shape {list(scores.shape)}, expected {wanted}")


def dtype(subject: Subject) -> None:
    """Scores are float32, whatever the statistics are."""
    found = _tensor(subject).dtype
    if found != torch.float32:
        raise Broken(f"it gave {found}, expected torch.float32")


def finite(subject: Subject) -> None:
    """No score is NaN or infinite."""
    wrong = int((~torch.isfinite(_tensor(subject))).sum())
    if wrong:
        raise Broken(f"{wrong} of its {_tensor(subject).numel()} scores are not finite")


def detached(subject: Subject) -> None:
    """Scores carry no history of gradients."""
    if _tensor(subject).requires_grad:
        raise Broken("its scores require a gradient; compute them under torch.no_grad()")


def varied(subject: Subject) -> None:
    """Not every entry has the same score."""
    scores = _tensor(subject)
    if scores.min() == scores.max():
        raise Broken(f"it gave the score {float(scores.min())} to every entry")


def in_place(subject: Subject) -> None:
    """What it is given stays as it is."""
    matrix = subject.once(home)
    scorer, view = make(subject, matrix.subject_kind), matrix.view()
    found = statistics(subject, matrix, scorer)
    before_view, before = deepcopy(view), deepcopy(dict(found.states))
    scorer.score(view, found)
    for part in ("subject", "weight", "reference"):
        tensor = getattr(view, part)
        if tensor is not None and not torch.equal(tensor, getattr(before_view, part)):
            raise Broken(f"`score` changes view.{part} in place")
    for (name, each), state in before.items():
        for key, value in state.items():
            if not torch.equal(value, found[name, each][key]):
                raise Broken(f"`score` changes its statistics of {name} in place")
    if not before:
        return
    for name, each in subject.once(accumulators):
        use = sets_of(subject, matrix.subject_kind).get(name, "pairs")
        batch = PLAIN.flat(name, BATCHES[0], matrix.site, use)
        kept = deepcopy(batch)
        each.contribution(matrix.site.info, batch)
        for part in ("inputs", "output_gradients", "answer_mask", "example_index"):
            if not torch.equal(getattr(batch, part), getattr(kept, part)):
                place = matrix.site.name
                raise Broken(f"{type(each).__name__} changes batch.{part} in place on {place}")


def deterministic(subject: Subject) -> None:
    """The same matrix and statistics give the same scores, bit for bit."""
    matrix, found = subject.once(home), []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            scorer = make(subject, matrix.subject_kind)
            found += [score(subject, matrix, scorer=scorer) for _ in range(2)]
    if not all(torch.equal(found[0], other) for other in found[1:]):
        share = max(difference(found[0], other) for other in found[1:])
        raise Broken(f"it gave other scores when it was asked again, by {share:.1e} of the largest")


def works_on(layout: Layout) -> Callable[[Subject], None]:
    """The check that it scores matrices of a layout.

    >>> works_on("conv1d")(subject)                                           # doctest: +SKIP

    Args:
        layout: the layout of the matrices.
    """

    def check(subject: Subject) -> None:
        """It scores such matrices as a repair asks it to."""
        matrices = subject.once(all_matrices)[layout]
        scorer = make(subject, matrices[0].subject_kind)
        scores = [score(subject, matrix, scorer=scorer) for matrix in matrices]
        if layout == "tied":
            _tied(subject, matrices, scores)

    return check


def _tied(subject: Subject, matrices: tuple[Matrix, ...], scores: list[Tensor]) -> None:
    """The same scores when the matrices lie in the same memory."""
    scorer = make(subject, matrices[0].subject_kind)
    shared = matrices[0].view()
    for matrix, expected in zip(matrices, scores, strict=True):
        view = SiteView(
            matrix.site.info, shared.subject, shared.weight, shared.reference, shared.subject_kind
        )
        found = scorer.score(view, statistics(subject, matrix, scorer))
        if not torch.equal(found, expected):
            raise Broken(
                f"it scores {matrix.site.module} otherwise where two layers share a matrix"
            )


def zero_input(subject: Subject) -> None:
    """Inputs and gradients that are all zero give finite scores."""
    subject.once(accumulators)
    score(subject, subject.once(home), Examples(zero=True))


def batch_order(subject: Subject) -> None:
    """The order of the batches does not matter."""
    _compare(subject, Examples(BATCHES[::-1]), "another order of the batches", ORDER_TOLERANCE)


def batch_split(subject: Subject) -> None:
    """Neither does how the examples are split into batches."""
    numbers = range(len(LENGTHS))
    for batches in ([(n,) for n in numbers], [tuple(numbers)]):
        _compare(subject, Examples(batches), "another split of the batches", SPLIT_TOLERANCE)


def resume(subject: Subject) -> None:
    """After an interruption, a new scorer gives what the first one would have given."""
    matrices = subject.once(all_matrices)["weight"] + subject.once(all_matrices)["conv1d"]
    if subject.once(home).subject_kind != "weight":
        matrices = (subject.once(home), subject.once(home))
    first, last = matrices
    scorer = make(subject, last.subject_kind)
    score(subject, first, scorer=scorer)
    straight = score(subject, last, scorer=scorer)
    if not torch.equal(straight, score(subject, last)):
        raise Broken(
            f"it scores {last.site.name} otherwise when it has scored {first.site.name} before: "
            "an interrupted repair resumes with a new scorer"
        )
    try:
        subject.once(accumulators)
    except NotApplicable:
        return
    if not torch.equal(straight, _resumed(subject, last)):
        raise Broken(
            f"it scores {last.site.name} otherwise from statistics that were saved and loaded"
        )


def _resumed(subject: Subject, matrix: Matrix) -> Tensor:
    """The scores from statistics of which one half was saved, and read by a new scorer."""
    sets = sets_of(subject, matrix.subject_kind)
    before = BlockSums([matrix.site])
    scorer = make(subject, matrix.subject_kind)
    for group in PLAIN.groups(scorer, sets):
        PLAIN.add(before, group, matrix.site, slice(0, 2))
    path = subject.folder / "states.safetensors"
    states = before.states[matrix.site.name]
    numbered = list(states)
    save_file(
        {
            f"{number} {name}": value.contiguous()
            for number, key in enumerate(numbered)
            for name, value in states[key].items()
        },
        path,
    )
    scorer = make(subject, matrix.subject_kind)
    groups = PLAIN.groups(scorer, sets)
    loaded: dict[Any, dict[str, Tensor]] = {}
    own = {(group.name, each): each for group in groups for each in group.accumulators}
    for title, value in load_file(path).items():
        number, _, name = title.partition(" ")
        set_name, each = numbered[int(number)]
        loaded.setdefault((set_name, own[set_name, each]), {})[name] = value
    after = BlockSums([matrix.site], {matrix.site.name: loaded})
    for group in groups:
        PLAIN.add(after, group, matrix.site, slice(2, None))
    found = after.take(matrix.site, {group.name: group for group in groups})
    return scorer.score(matrix.view(), found)


def _compare(subject: Subject, other: Examples, what: str, tolerance: float) -> None:
    subject.once(accumulators)
    matrix = subject.once(home)
    share = difference(score(subject, matrix), score(subject, matrix, other))
    if share > tolerance:
        raise Broken(
            f"{what} changes its scores by {share:.1e} of the largest, at most {tolerance:.0e}"
        )


def _tensor(subject: Subject) -> Tensor:
    scores = subject.once(given)
    if not isinstance(scores, Tensor):
        raise NotApplicable(f"it gave a {type(scores).__name__}")
    return scores


def _scored(subject: Subject) -> Callable[[], object]:
    matrix = subject.once(home)
    return lambda: score(subject, matrix)


def _asked(subject: Subject) -> Callable[[], object]:
    matrix = subject.once(home)
    return lambda: raw_score(subject, matrix)


_LAYOUTS: dict[Layout, str] = {
    "weight": "a weight",
    "delta": "the difference from a reference",
    "factor": "a factor of an adapter",
    "expert": "the experts of a fused tensor, of which some see no token of a batch",
    "conv1d": "a matrix that the file holds transposed",
    "tied": "a matrix that two layers share",
}

SCORES = (
    Check(
        "shape",
        "Its scores are a tensor in the shape of the matrix, `[out, in]`.",
        shape,
        "it gave a …, expected a tensor · it gave scores of the shape …, expected …",
    ),
    Check("dtype", "Its scores are float32.", dtype, "it gave …, expected torch.float32"),
    Check("finite", "No score is NaN or infinite.", finite, "… of its … scores are not finite"),
    Check(
        "detached",
        "Its scores require no gradient.",
        detached,
        "its scores require a gradient; compute them under torch.no_grad()",
    ),
    Check(
        "varied",
        "Not every entry has the same score.",
        varied,
        "it gave the score … to every entry",
    ),
    Check(
        "in-place",
        "It changes nothing that it is given: matrix, reference, statistics, and of a batch "
        "inputs, gradients and masks.",
        in_place,
        "`score` changes view.… in place · `score` changes its statistics of … in place · … "
        "changes batch.… in place on …",
    ),
    Check(
        "deterministic",
        "Asked again, also under another seed and by a new scorer, it gives the same scores, bit "
        "for bit.",
        deterministic,
        "it gave other scores when it was asked again, by … of the largest",
    ),
    draws_nothing(_scored),
    writes_nothing(_asked, "a scorer gives scores"),
    asks_no_network(_asked, "it …: a scorer works offline"),
    *(
        Check(
            f"works-on-{layout}",
            f"It scores {words}: float32, finite, in the matrix's shape.",
            works_on(layout),
            "it scores … otherwise where two layers share a matrix"
            if layout == "tied"
            else "scorer … failed on …: … · scorer … gave …, expected … on …",
        )
        for layout, words in _LAYOUTS.items()
    ),
    Check(
        "zero-input",
        "Where all inputs and gradients are zero, its scores are finite.",
        zero_input,
        "scorer … gave scores that are not finite on …",
    ),
    Check(
        "batch-order",
        "Another order of the batches changes its scores by at most 1e-6 of the largest.",
        batch_order,
        "another order of the batches changes its scores by … of the largest, at most 1e-06",
    ),
    Check(
        "batch-split",
        "Another split of the examples into batches, one by one or all in one, changes its scores "
        "by at most 1e-4 of the largest.",
        batch_split,
        "another split of the batches changes its scores by … of the largest, at most 1e-04",
    ),
    Check(
        "resume",
        "A new scorer gives the scores of a straight run, bit for bit: also when others were "
        "scored before, and from statistics that were saved half-way and loaded.",
        resume,
        "it scores … otherwise when it has scored … before: … · it scores … otherwise from "
        "statistics that were saved and loaded",
    ),
)
"""The checks of its scores."""
