"""What a repairer that edits makes of the kit's matrices, and whether that is as it should be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import torch

from modelrepair.engine.passes.statistics import SiteStatistics
from modelrepair.errors import kind_and_message
from modelrepair.plugin.registry import make_repairer, repairer_options
from modelrepair.plugin.repairer import EditView, SiteRepairer
from modelrepair.testing.checks import Broken, NotApplicable
from modelrepair.testing.examples import Examples
from modelrepair.testing.matrices import Layout
from modelrepair.testing.subject import Subject
from modelrepair.testing.training import trained
from modelrepair.testing.trials import all_matrices
from modelrepair.testing.watching import Noted

if TYPE_CHECKING:
    from torch import Tensor


class Asked(Noted[str, "Tensor"]):
    """Matrices of other models: whatever is asked for is there, and what was asked is known."""

    def __init__(self, make: Callable[[], Tensor], names: Iterable[str]) -> None:
        super().__init__({name: make() for name in names})
        self._make = make

    def __missing__(self, name: str) -> Tensor:
        self[name] = self._make()
        return dict.__getitem__(self, name)


@dataclass(frozen=True)
class Shown:
    """What a repairer is shown of a matrix: all of it made anew, for it to spoil.

    Args:
        repairer: made anew, too.
        view: the matrix, with a reference whether its spec asks for one or not.
        statistics: what its accumulators found.
        models: the other models' matrices of ``view``.
    """

    repairer: SiteRepairer
    view: EditView
    statistics: SiteStatistics
    models: Asked

    def edit(self, strength: float | None = None) -> Tensor:
        """The new matrix, at the last strength unless one is named.

        Raises:
            Broken: the repairer fails.
        """
        try:
            at = self.repairer.strengths[-1] if strength is None else strength
            return self.repairer.edit(self.view, self.statistics, at)
        except Exception as error:
            raise Broken(f"it failed on {self.view.name}: {kind_and_message(error)}") from error


def site_repairer(subject: Subject) -> SiteRepairer:
    """The repairer, made anew.

    Raises:
        NotApplicable: it trains.
        ModelRepairError: it can't be made.
    """
    if subject.spec.trains:
        raise NotApplicable("it trains, and edits no single matrix")
    return make_repairer(subject.registered, subject.options)  # type: ignore[return-value]


def named_models(subject: Subject) -> Mapping[str, str]:
    """The other models that it needs, by its names for them."""
    models: Mapping[str, str] = subject.spec.models(
        repairer_options(subject.registered, subject.options)
    )
    return models


def show(
    subject: Subject, layout: Layout = "delta", number: int = 0, *, zero: bool = False
) -> Shown:
    """What it is shown of one of the kit's matrices; ``zero=True`` for inputs that are zero."""
    repairer = site_repairer(subject)
    matrix = subject.once(all_matrices)[layout][number]
    weights = subject.once(all_matrices)["delta"][0].weights
    place = matrix.site.place
    weight, reference = weights.matrix(place), weights.reference(place)
    models = Asked(lambda: 0.9 * weight, named_models(subject))
    options = repairer_options(subject.registered, subject.options)
    statistics = Examples(zero=zero).statistics(
        cast(Any, repairer), subject.spec.sets(options), matrix.site
    )
    view = EditView(matrix.site.info, weight, reference, models)
    return Shown(repairer, view, statistics, models)


def points(subject: Subject) -> Iterator[float]:
    """The first strength, one in the middle, and the last."""
    strengths = list(site_repairer(subject).strengths)
    yield from dict.fromkeys([strengths[0], strengths[len(strengths) // 2], strengths[-1]])


def ordered_strengths(subject: Subject) -> None:
    """Its strengths are numbers, each once, and the last changes no less than the first."""
    strengths = list(site_repairer(subject).strengths)
    for one in strengths:
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            raise Broken(f"it has the strength {one!r}, expected a number")
    if not strengths or len(set(strengths)) < len(strengths):
        raise Broken("it names no strength, or one twice")
    least, most = (_change(show(subject), strength) for strength in (strengths[0], strengths[-1]))
    if least > most:
        raise Broken(
            f"it changes more at its first strength, {strengths[0]:g}, than at its last, "
            f"{strengths[-1]:g}: they go from the least change to the largest"
        )


def _change(shown: Shown, strength: float) -> float:
    before, new = shown.view.weight.double().clone(), shown.edit(strength)
    if not isinstance(new, torch.Tensor) or new.shape != before.shape:
        raise NotApplicable("it gives no matrix of the old one's shape, as another check says")
    return float((new.double() - before).norm())


def right_shape(subject: Subject) -> None:
    """The new matrix has the old one's shape, at every strength."""
    for strength in points(subject):
        shown = show(subject)
        new = shown.edit(strength)
        if not isinstance(new, torch.Tensor):
            raise Broken(f"it gave {type(new).__name__}, expected a tensor")
        if new.shape != shown.view.weight.shape:
            wanted = list(shown.view.weight.shape)
            raise Broken(f"it gave shape {list(new.shape)}, expected {wanted}")


def right_dtype(subject: Subject) -> None:
    """The new matrix is float32, at every strength."""
    for strength in points(subject):
        if (new := show(subject).edit(strength)).dtype != torch.float32:
            raise Broken(f"it gave {new.dtype}, expected torch.float32")


def finite_values(subject: Subject) -> None:
    """The new matrix holds numbers, at every strength."""
    for strength in points(subject):
        if not torch.isfinite(show(subject).edit(strength)).all():
            raise Broken("it gave values that are not finite")


def same_again(subject: Subject) -> None:
    """The same arguments give the same values, bit for bit, from a repairer made anew too."""
    layouts: tuple[Layout, ...] = ("delta", "expert")
    for layout in layouts:
        shown = show(subject, layout)
        first = shown.edit().clone()
        if not torch.equal(first, replace(show(subject, layout), repairer=shown.repairer).edit()):
            raise Broken("it gave other values when asked a second time")
        if not torch.equal(first, show(subject, layout).edit()):
            raise Broken("it gave other values when made anew")


def inputs_left_alone(subject: Subject) -> None:
    """It gives a new matrix, and changes none that it was shown."""
    shown, untouched = show(subject), show(subject)
    shown.edit()
    before, after = _tensors(untouched), _tensors(shown)
    for name, tensor in before.items():
        if not torch.equal(tensor, after[name]):
            raise Broken(f"it changed {name} in place; begin with a clone")


def _tensors(shown: Shown) -> dict[str, Tensor]:
    """Every tensor that a repairer is shown, by name."""
    view = shown.view
    assert view.reference is not None
    found = {"view.weight": view.weight, "view.reference": view.reference}
    found |= {f"view.models[{name!r}]": value for name, value in shown.models.items()}
    return found | shown.statistics.shown()


def works_on(layout: Layout) -> Callable[[Subject], None]:
    """A check that a repairer gives a finite matrix for those of a layout."""

    def check(subject: Subject) -> None:
        for number in range(len(subject.once(all_matrices)[layout])):
            shown = show(subject, layout, number)
            new = shown.edit()
            if new.shape != shown.view.weight.shape or not torch.isfinite(new).all():
                raise Broken(f"it gave no finite matrix of the same shape on {shown.view.name}")

    return check


def nothing_to_go_by(subject: Subject) -> None:
    """Inputs that are all zero, and a matrix that fine-tuning did not touch, give numbers."""
    shown = show(subject)
    assert shown.view.reference is not None
    untouched = replace(shown.view, weight=shown.view.reference)
    for one, what in (
        (show(subject, zero=True), "inputs that are all zero"),
        (replace(shown, view=untouched), "a matrix that equals its reference"),
    ):
        if not torch.isfinite(one.edit()).all():
            raise Broken(f"it gave values that are not finite on {what}")


def declared_gradients(subject: Subject) -> None:
    """It reads gradients where its spec says so, and there alone."""
    read = [
        type(accumulator).__name__
        for accumulators in site_repairer(subject).needs.values()
        for accumulator in accumulators
        if accumulator.reads == "gradients"
    ]
    if read and not subject.spec.gradients:
        raise Broken(f"{read[0]} reads gradients, and the spec says gradients=False")
    if subject.spec.gradients and not read:
        raise Broken("the spec says gradients=True, and no accumulator reads them")


def declared_reference(subject: Subject) -> None:
    """It works without a reference unless its spec asks for one, and then looks at it."""
    asks = subject.spec.reference
    by_statistics = site_repairer(subject).statistics_of == "reference"
    if by_statistics and not asks:
        raise Broken("it passes sets through the reference, and the spec says reference=False")
    for strength in points(subject):
        shown = show(subject)
        other = None if shown.view.reference is None else shown.view.reference.flip(0) * 2
        changed = replace(shown, view=replace(shown.view, reference=other if asks else None))
        try:
            found = changed.edit(strength)
        except Broken as error:
            raise Broken(f"without a reference {error}; the spec says reference=False") from error
        if by_statistics or (asks and not torch.equal(found, show(subject).edit(strength))):
            return
    if asks:
        raise Broken("it gives the same whatever the reference; the spec says reference=True")


def declared_models(subject: Subject) -> None:
    """It looks at the other models that its spec names, and at no more."""
    named, asked = set(named_models(subject)), set[str]()
    for strength in points(subject):
        shown = show(subject)
        shown.edit(strength)
        asked |= shown.models.names
    if asked - named:
        raise Broken(f"it looks at the model {min(asked - named)!r}, which the spec does not name")
    if named - asked:
        raise Broken(f"the spec names the model {min(named - asked)!r}, which is never looked at")


def action(subject: Subject) -> Callable[[], object]:
    """What sets a repairer to work: an edit, or a short training."""
    if subject.spec.trains:
        return lambda: trained(subject)
    subject.once(all_matrices)  # which the kit writes
    return lambda: show(subject).edit()
