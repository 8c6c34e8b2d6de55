"""What is masked as one, and where its scores are cut: what goes with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelrepair.errors import UsageError
from modelrepair.plugin.names import Scope, SubjectKind, Unit

if TYPE_CHECKING:
    from modelrepair.plugin.specs import ScorerSpec
    from modelrepair.settings.settings import Settings


def unit_of(settings: Settings, spec: ScorerSpec) -> Unit:
    """What is masked as one: as the user says, else as the scorer does.

    A preset is the published method, which masks entries.
    """
    return settings.unit or ("entry" if settings.preset else spec.unit)


def scope_of(settings: Settings, spec: ScorerSpec) -> Scope:
    """Where the top is cut: as the user says, else as the scorer does.

    A row is no place to choose rows, heads or neurons in: the scorer's own ``row`` is ``tensor``
    there, the next larger one.
    """
    if settings.scope is None and spec.scope == "row" and unit_of(settings, spec) != "entry":
        return "tensor"
    return settings.scope or spec.scope


def check_unit(settings: Settings) -> None:
    """Refuse a unit that its scope or preset has no use for.

    >>> from modelrepair.settings.settings import Settings
    >>> check_unit(Settings("user/model", unit="head", scope="global"))

    Raises:
        UsageError: it is so.
    """
    if settings.unit in (None, "entry"):
        return
    if settings.preset is not None:
        raise UsageError(
            f"--preset {settings.preset} masks entries, and --unit says {settings.unit}",
            hint="leave one of the two out",
        )
    check_scope_of_unit(settings.unit, settings.scope)


def check_scope_of_unit(unit: Unit | None, scope: Scope | None) -> None:
    """Refuse units larger than what a scope cuts in, whether the user or the scorer says them.

    >>> check_scope_of_unit("head", "tensor"), check_scope_of_unit("entry", "row")
    (None, None)

    Raises:
        UsageError: it is so.
    """
    if scope == "row" and unit not in (None, "entry"):
        raise UsageError(
            f"--scope row cuts inside of each row, where no whole {unit} can be chosen",
            hint="take --scope tensor or global, or --unit entry",
        )


def check_unit_of_subject(unit: Unit, subject: SubjectKind) -> None:
    """Refuse heads and neurons of an adapter's factors: they are of the product of A and B.

    >>> check_unit_of_subject("row", "factor")

    Raises:
        UsageError: it is so.
    """
    if subject == "factor" and unit in ("head", "neuron"):
        raise UsageError(
            f"a {unit} is no part of an adapter's factors: it is of what A and B multiply to",
            hint="--merge masks the difference from the base, where it is one; "
            "--unit row takes rows of A and B",
        )
