"""The kinds of plug-ins, and where the checks of each are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from modelrepair.plugin.loading import Registered
from modelrepair.plugin.registry import Registry
from modelrepair.testing.checks import Check


@dataclass(frozen=True)
class Kind:
    """One kind of plug-ins.

    Args:
        name: ``scorer``, ``repairer``, ``judge`` or ``example-set``.
        hook: the hook that registers such plug-ins.
        module: the module whose ``CHECKS`` they must pass.
        installed: all of this kind in a registry.
        ask: the one of a name in a registry, or the error that says why there is none.
    """

    name: str
    hook: str
    module: str
    installed: Callable[[Registry], Sequence[Registered[Any]]]
    ask: Callable[[Registry, str], Registered[Any]]

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of this kind, in the order in which they are run."""
        found: tuple[Check, ...] = import_module(f"modelrepair.testing.{self.module}").CHECKS
        return found


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("scorer", "modelrepair_scorers", "scorers", Registry.scorers, Registry.scorer),
        Kind(
            "repairer", "modelrepair_repairers", "repairers", Registry.repairers, Registry.repairer
        ),
        Kind("judge", "modelrepair_judges", "judges", Registry.judges, Registry.judge),
        Kind(
            "example-set",
            "modelrepair_example_sets",
            "example_sets",
            lambda registry: registry.found.example_sets,
            lambda registry, name: registry.example_set(name, "utility"),
        ),
    )
}
"""All kinds by name."""
