"""The reference of a run: compared by headers before its weights are fetched, read by its tokens.

It is compared on the matrices that a repair may change. Embeddings, heads and stored tables of
other sizes are common between a model and its fine-tune, and are named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import (
    HubError,
    ModelRepairError,
    UnreachableError,
    UnsupportedModelError,
    UsageError,
)
from modelrepair.preflight.model import Model
from modelrepair.progress import Notes
from modelrepair.source.cached import offline
from modelrepair.source.headers import headers
from modelrepair.source.kinds import check_kind
from modelrepair.source.reference import (
    check_another,
    check_same_matrices,
    declared_base,
    other_tensors,
)
from modelrepair.source.resolve import Source, resolve

SHOWN = 3
"""How many names of tensors a warning shows."""


@dataclass(frozen=True)
class Reference:
    """What is known of the reference before a weight of it is fetched.

    Args:
        found: where it is; None where there is none to use.
        wanted: how it was named: by the user, by the card or by the adapter; None where not at all.
        by: who named it.
        why: what keeps the one that the card names from being used.
    """

    found: Source | None = None
    wanted: str | None = None
    by: Literal["user", "card", "adapter"] | None = None
    why: ModelRepairError | None = None


def fetch_reference(looked: Reference, source: Model) -> Model | None:
    """The reference with its weights; an adapter's base is there already.

    Raises:
        HubError: it can't be fetched.
    """
    found = looked.found
    if found is None or looked.by == "adapter":
        return None if found is None else source.base
    if not found.complete:
        found = resolve(str(found.id), commit=found.commit)
    return Model(found, Checkpoint.open(found.folder))


def look_at_reference(
    given: str,
    source: Source,
    notes: Notes,
    base: Source | None = None,
    read: Callable[[Source], Checkpoint] = headers,
) -> Reference:
    """The aligned model that the source was fine-tuned from, compared without its weights.

    By default, the base that the source's card names, if it can be had and its matrices fit;
    whether it is aligned at all is measured later.

    >>> look_at_reference("auto", source, Notes()).wanted  # doctest: +SKIP
    'org/aligned'

    Args:
        given: what the user named, or "auto".
        source: what is repaired.
        notes: takes what is not compared, and why a declared base is not used.
        base: what it adapts, where it is an adapter.
        read: gives the headers of a model's weights.

    Raises:
        HubError: a reference that the user named can't be had; or the Hub, where the source is
            from there, does not answer for the card's.
        UsageError: it is the source itself.
        UnsupportedModelError: its matrices are missing or have other shapes.
    """
    named = given != "auto"
    if base is not None and not named:
        return Reference(base, base.id or base.name, "adapter")
    whole = base or source
    wanted = given if named else declared_base(whole.folder)
    by: Literal["user", "card"] = "user" if named else "card"
    if wanted is None or wanted == "none":
        return Reference(wanted=wanted, by=by)
    try:
        found = resolve(wanted, weights=False)
        check_another(source.folder, found.folder)
        its = check_kind(found, "--reference", read)
        compare(whole, read(whole), its, notes)
    except (HubError, UsageError, UnsupportedModelError) as error:
        if named:
            raise
        if isinstance(error, UnreachableError) and whole.id is not None and not offline():
            # A minute later the Hub may answer, and the same command would make another repair.
            hint = f"{error.hint}; --reference none does without the card's base model"
            raise UnreachableError(str(error), hint=hint, id=error.id) from None
        notes.warn(
            f"the card's base model {wanted} is not used as reference: {error}; {error.hint}"
        )
        return Reference(wanted=wanted, by=by, why=error)
    return Reference(found, wanted, by)


def compare(whole: Source, source: Checkpoint, reference: Checkpoint, notes: Notes) -> None:
    """Hold two models' headers against each other, and report what is left out.

    Raises:
        UnsupportedModelError: a matrix of the source's blocks is missing or has another shape.
    """
    matrices = check_same_matrices(whole.folder, source, reference)
    if others := other_tensors(source, reference, matrices):
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        notes.warn(
            f"the reference differs in {', '.join(others[:SHOWN])}{more}: missing in one of the "
            "two models, or of another size; no repair touches these, and they are not compared"
        )
