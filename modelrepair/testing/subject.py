"""The plug-in that checks are run on: found by its name, with a folder to work in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from modelrepair.errors import UsageError
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.registry import Registry, load_registry
from modelrepair.testing.checks import NotApplicable
from modelrepair.testing.kinds import KINDS, Kind

T = TypeVar("T")


@dataclass
class Subject:
    """A plug-in under test.

    Args:
        kind: of `modelrepair.testing.kinds.KINDS`.
        registered: its spec, and who offers it.
        registry: all that is installed.
        options: option values to test it with, by typed name.
        folder: an empty folder that the checks may write to.
    """

    kind: Kind
    registered: Registered[Any]
    registry: Registry
    options: Mapping[str, object]
    folder: Path
    _made: dict[Any, Any] = field(default_factory=dict)
    _failed: dict[Any, BaseException] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What users type."""
        name: str = self.registered.spec.name
        return name

    @property
    def spec(self) -> Any:
        """Its `ScorerSpec`, `RepairerSpec`, `JudgeSpec` or `ExampleSetSpec`."""
        return self.registered.spec

    def once(self, make: Callable[[Subject], T]) -> T:
        """What ``make`` gives for this plug-in: made by the first check that asks, then kept.

        Raises:
            NotApplicable: it could not be made before: the check that asked first has said why.
        """
        if make in self._failed:
            error = self._failed[make]
            skipped = isinstance(error, NotApplicable)
            raise NotApplicable(
                f"{'' if skipped else 'an earlier check failed: '}{error}"
            ) from error
        if make not in self._made:
            try:
                self._made[make] = make(self)
            except (Exception, SystemExit) as error:
                self._failed[make] = error
                raise
        return cast(T, self._made[make])


def open_subject(
    name: str,
    kind: str | None = None,
    options: Mapping[str, object] | None = None,
    *,
    folder: Path,
) -> Subject:
    """Find a plug-in by its name.

    >>> open_subject("keyword", folder=Path("work")).kind.name
    'judge'

    Args:
        name: what users type; of a scorer also ``path/file.py:Class``.
        kind: scorer, repairer, judge or example-set; needed where two kinds have this name.
        options: option values to test it with.
        folder: an empty folder that the checks may write to.

    Raises:
        UsageError: nothing of this name is installed, or things of several kinds are.
        PluginError: the plug-in that offers it can't be loaded.
    """
    registry = load_registry()
    registered, found = _find(registry, name, kind)
    return Subject(found, registered, registry, dict(options or {}), folder)


def _find(registry: Registry, name: str, kind: str | None) -> tuple[Registered[Any], Kind]:
    if kind is not None and kind not in KINDS:
        raise UsageError(f"no kind of plug-in is {kind!r}", hint=f"one of {', '.join(KINDS)}")
    asked = list(KINDS.values()) if kind is None else [KINDS[kind]]
    # Of several with one name the first is taken; a check reports that there are several.
    matches = {
        each.name: [item for item in each.installed(registry) if item.spec.name == name]
        for each in asked
    }
    found = [each for each in asked if matches[each.name]]
    if len(found) > 1:
        raise UsageError(
            f"{name!r} is a {' and a '.join(each.name for each in found)}",
            hint=f"say which with --kind {found[0].name}",
        )
    if found:
        return matches[found[0].name][0], found[0]
    return asked[0].ask(registry, name), asked[0]
