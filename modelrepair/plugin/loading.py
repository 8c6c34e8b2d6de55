"""Finds plug-ins one entry point at a time: a broken one is recorded and skipped."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from modelrepair.plugin import hookspecs
from modelrepair.plugin.checking import problem_of
from modelrepair.plugin.hooks import Asked, HookError, ask, failure_line, place_of
from modelrepair.plugin.specs import ExampleSetSpec, JudgeSpec, RepairerSpec, ScorerSpec

VARIABLE = "MODELREPAIR_PLUGINS"
"""Comma-separated names of the only plug-ins to load beside ours; empty for none."""

OWN = "modelrepair"
"""The distribution whose entry point is always loaded: this one."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
NAMES = "and names are a-z, 0-9, '.', '_' and '-', a letter or digit first"
"""What a plug-in, and whatever it offers, may be called, and how that is said."""

Spec = TypeVar("Spec", ScorerSpec, JudgeSpec, ExampleSetSpec, RepairerSpec)

KINDS: Mapping[str, type[Any]] = {
    "modelrepair_scorers": ScorerSpec,
    "modelrepair_judges": JudgeSpec,
    "modelrepair_example_sets": ExampleSetSpec,
    "modelrepair_repairers": RepairerSpec,
}
"""What each hook gives."""


@dataclass(frozen=True)
class Registered(Generic[Spec]):
    """A spec with where it comes from.

    ``distribution`` and ``version`` are those of the installed package; for a scorer from a file
    they are the file's name and its digest, and ``digest`` is its SHA-256.
    """

    spec: Spec
    distribution: str
    version: str
    digest: str | None = None


@dataclass(frozen=True)
class Plugin:
    """An entry point as it was found: ``status`` is active, blocked or failed.

    Args:
        distribution: the package that has it.
        version: that package's.
        entry_point: its name.
        status: active, blocked or failed.
        hooks: those that it implements.
        seconds: how long importing it and asking its hooks took; None where that did not happen.
        path: where it lies.
        remarks: what its author should change, one line each.
    """

    distribution: str
    version: str
    entry_point: str
    status: str
    hooks: tuple[str, ...] = ()
    seconds: float | None = None
    path: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PluginFailure:
    """A plug-in, or one spec of it, that can't be used, and why.

    ``name`` is the spec's where it is known; None where the whole entry point failed.
    """

    distribution: str
    version: str
    entry_point: str
    error: str
    name: str | None = None
    exception: BaseException | None = None

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.entry_point}): {self.error}"


@dataclass(frozen=True)
class Found:
    """Everything that loading found, in the order of the entry points."""

    scorers: tuple[Registered[ScorerSpec], ...]
    judges: tuple[Registered[JudgeSpec], ...]
    plugins: tuple[Plugin, ...]
    failures: tuple[PluginFailure, ...]
    example_sets: tuple[Registered[ExampleSetSpec], ...] = ()
    repairers: tuple[Registered[RepairerSpec], ...] = ()


_OURS_ALONE: ContextVar[bool] = ContextVar("ours alone", default=False)


@contextmanager
def ours_alone() -> Iterator[None]:
    """Inside, no plug-in of others is loaded, whatever the environment allows.

    >>> with ours_alone():
    ...     {each.distribution for each in find_plugins().plugins if each.status == "active"}
    {'modelrepair'}
    """
    before = _OURS_ALONE.set(True)
    try:
        yield
    finally:
        _OURS_ALONE.reset(before)


def find_plugins(environment: Mapping[str, str] = os.environ) -> Found:
    """Load every allowed entry point of the group, each on its own.

    >>> [plugin.distribution for plugin in find_plugins({"MODELREPAIR_PLUGINS": ""}).plugins
    ...  if plugin.status == "active"]
    ['modelrepair']
    """
    allowed = set() if _OURS_ALONE.get() else allow_list(environment)
    specs: dict[str, list[Registered[Any]]] = {hook: [] for hook in KINDS}
    plugins: list[Plugin] = []
    failures: list[PluginFailure] = []
    for entry_point, distribution, version in entry_points():
        origin = (distribution, version, entry_point.name)
        names = {normalised(distribution), normalised(entry_point.name)}
        if allowed is not None and distribution != OWN and not names & allowed:
            plugins.append(Plugin(*origin, status="blocked", path=place_of(entry_point)))
            continue
        try:
            if not NAME.fullmatch(entry_point.name):
                raise HookError(f"it is named {entry_point.name!r}, {NAMES}")
            asked = ask(entry_point)
        # Whatever a third party's module does on import must not stop the others; an interrupt
        # by the user must.
        except (Exception, SystemExit) as error:
            failures.append(PluginFailure(*origin, error=failure_line(error), exception=error))
            plugins.append(Plugin(*origin, status="failed", path=place_of(entry_point)))
            continue
        plugins.append(_plugin(entry_point, origin, asked))
        failures += [PluginFailure(*origin, error=problem) for problem in asked.problems]
        for hook, kind in KINDS.items():
            taken = {item.spec.name for item in specs[hook] if item.distribution == OWN}
            taken = taken if distribution != OWN else set()
            for problem, spec in _checked(asked.offered.get(hook, ()), kind, taken):
                if problem:
                    failures.append(PluginFailure(*origin, error=problem, name=_name(spec)))
                else:
                    specs[hook].append(Registered(spec, distribution, version))
    return Found(
        scorers=tuple(specs["modelrepair_scorers"]),
        judges=tuple(specs["modelrepair_judges"]),
        plugins=tuple(plugins),
        failures=tuple(failures),
        example_sets=tuple(specs["modelrepair_example_sets"]),
        repairers=tuple(specs["modelrepair_repairers"]),
    )


def entry_points() -> list[tuple[importlib.metadata.EntryPoint, str, str]]:
    """The group's entry points with distribution and version; ours first, then by name."""
    found = [
        (point, point.dist.name if point.dist else "?", point.dist.version if point.dist else "?")
        for point in importlib.metadata.entry_points(group=hookspecs.PROJECT)
    ]
    if not any(distribution == OWN for _, distribution, _ in found):
        # A checkout that was put on the path without being installed has no metadata.
        builtin = importlib.metadata.EntryPoint("builtin", "modelrepair.builtin", hookspecs.PROJECT)
        found.append((builtin, OWN, "0+unknown"))
    return sorted(found, key=lambda item: (item[1] != OWN, normalised(item[1]), item[0].name))


def allow_list(environment: Mapping[str, str]) -> set[str] | None:
    """The names in the variable, normalised; None where it isn't set."""
    if VARIABLE not in environment:
        return None
    return {normalised(name) for name in environment[VARIABLE].split(",") if name.strip()}


def normalised(name: str) -> str:
    """A distribution's name as packaging compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _plugin(
    entry_point: importlib.metadata.EntryPoint, origin: tuple[str, str, str], asked: Asked
) -> Plugin:
    # Ours takes what Python and its own modules take: no author could change that.
    remarks = () if origin[0] == OWN else asked.remarks
    return Plugin(
        *origin,
        status="active",
        hooks=asked.hooks,
        seconds=asked.seconds,
        path=place_of(entry_point),
        remarks=remarks,
    )


def _checked(
    offered: Iterable[Any], kind: type[Any], taken: Collection[str] = ()
) -> Iterator[tuple[str | None, Any]]:
    """Each offered spec with what is wrong with it, or None.

    Args:
        offered: what a plug-in gives.
        kind: what it has to be.
        taken: names that are ours.
    """
    for spec in offered:
        if not isinstance(spec, kind):
            yield f"offers {spec!r:.80}, which is no {kind.__name__}", spec
        elif not isinstance(spec.name, str) or not NAME.fullmatch(spec.name):
            yield f"offers the name {spec.name!r}, {NAMES}", spec
        elif spec.name in taken:
            yield f"offers the name {spec.name!r}, which is modelrepair's own and stays so", spec
        else:
            yield problem_of(spec), spec


def _name(spec: Any) -> str | None:
    name = getattr(spec, "name", None)
    return name if isinstance(name, str) else None
