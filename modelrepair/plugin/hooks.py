"""Loads one entry point and asks its hooks; what an author got wrong is said in words."""

from __future__ import annotations

import difflib
import importlib.metadata
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from modelrepair.errors import kind_and_message
from modelrepair.plugin import hookspecs

SLOW = 0.2
"""Seconds that importing a plug-in and asking its hooks may take before it is said."""

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("modelrepair_"))
"""The names of all hooks."""


@dataclass(frozen=True)
class Asked:
    """What an entry point gave.

    Args:
        hooks: the hooks that it implements.
        offered: what each of them gave.
        problems: what is wrong with one of its hooks, while the others work.
        remarks: what its author should change: that it is slow, or uses what is deprecated.
        seconds: how long importing it and asking its hooks took.
    """

    hooks: tuple[str, ...]
    offered: Mapping[str, tuple[Any, ...]]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    seconds: float


class HookError(Exception):
    """What keeps a plug-in from being asked at all, in words."""


def ask(entry_point: importlib.metadata.EntryPoint) -> Asked:
    """Import a plug-in and ask all of its hooks.

    >>> from importlib.metadata import EntryPoint
    >>> ask(EntryPoint("builtin", "modelrepair.builtin", "modelrepair")).hooks
    ('modelrepair_scorers', 'modelrepair_judges', 'modelrepair_example_sets')

    Raises:
        HookError: it implements no hook, or one in a way that can't be called.
        Exception: whatever its module or its hooks raise.
    """
    # One manager for each entry point: a plug-in that fails half-way leaves nothing behind, and
    # what raises in one hook can't abort the call of another's.
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    started = time.perf_counter()
    with deprecations() as remarks:
        plugin = entry_point.load()
        problems = [*_unmarked(plugin)]
        _check_marked(plugin)
        manager.register(plugin, entry_point.name)
        implemented = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
        hooks = tuple(name for name in HOOKS if name in implemented)
        if not hooks:
            raise HookError(" · ".join(problems) or _none_of_ours())
        offered: dict[str, tuple[Any, ...]] = {}
        for hook in hooks:
            results: list[Iterable[Any]] = getattr(manager.hook, hook)()
            if not results:
                problems.append(f"{hook} returned None: return or yield what the plug-in offers")
            offered[hook] = tuple(spec for result in results for spec in result)
    seconds = time.perf_counter() - started
    if seconds > SLOW:
        remarks.append(
            f"takes {seconds:.2f} s to import, of the {SLOW:g} s that a plug-in may take: "
            "import what is heavy where it is used"
        )
    return Asked(hooks, offered, tuple(problems), tuple(remarks), seconds)


@contextmanager
def deprecations() -> Iterator[list[str]]:
    """Collect the deprecation warnings of the interface as lines; all warnings pass on, too.

    Python hides a `DeprecationWarning` that is raised outside of the main module: users and
    authors would first hear of a change when it breaks their plug-in.

    >>> with deprecations() as lines:
    ...     warnings.warn(hookspecs.InterfaceDeprecation("load is called make from 2.0 on"))
    >>> lines
    ['load is called make from 2.0 on']
    """
    lines: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", hookspecs.InterfaceDeprecation)
            yield lines
    finally:
        for each in caught:
            if issubclass(each.category, hookspecs.InterfaceDeprecation):
                lines.append(str(each.message))
            # Whoever makes warnings errors, as an author's test suite may, gets them as errors.
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def place_of(entry_point: importlib.metadata.EntryPoint) -> str | None:
    """Where a plug-in lies: its module's file, once it was imported, or its distribution's folder.

    >>> from importlib.metadata import EntryPoint
    >>> place_of(EntryPoint("builtin", "modelrepair.builtin", "modelrepair"))  # doctest: +SKIP
    '/home/me/site-packages/modelrepair/builtin.py'
    """
    module = sys.modules.get(entry_point.module)
    file = getattr(module, "__file__", None)
    if file is None and entry_point.dist is not None:
        file = entry_point.dist.locate_file("")
    return None if file is None else str(Path(str(file)).absolute())


def _functions(plugin: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of a plug-in that are named like hooks."""
    for name in dir(plugin):
        if name.startswith("modelrepair_"):
            found = getattr(plugin, name)
            if inspect.isroutine(found):
                yield name, found


def _is_marked(function: Callable[..., Any]) -> bool:
    return hasattr(function, f"{hookspecs.PROJECT}_impl")


def _unmarked(plugin: Any) -> Iterator[str]:
    for name, function in _functions(plugin):
        near = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.85)
        if near and not _is_marked(function):
            other = "" if near[0] == name else f", and the hook is called {near[0]!r}"
            yield f"{name!r} lacks the marker @hookimpl{other}"


def _check_marked(plugin: Any) -> None:
    for name, function in _functions(plugin):
        if not _is_marked(function):
            continue
        if name not in HOOKS:
            near = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(HOOKS)}"
            raise HookError(f"there is no hook {name!r}; {hint}")
        known = inspect.signature(getattr(hookspecs, name)).parameters
        for given, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                raise HookError(
                    f"{name!r} takes {given!r} by keyword only, which no hook is called with"
                )
            if given not in known and parameter.default is parameter.empty:
                takes = f"takes {', '.join(known)}" if known else "takes no arguments"
                raise HookError(f"{name!r} asks for the argument {given!r}: this hook {takes}")


def _none_of_ours() -> str:
    return f"it implements no hook of modelrepair; there are: {', '.join(HOOKS)}"


def failure_line(error: BaseException) -> str:
    """Why an entry point could not be asked, in one line.

    >>> failure_line(HookError("it implements no hook")), failure_line(ImportError("no torch"))
    ('it implements no hook', 'ImportError: no torch')
    """
    return str(error) if isinstance(error, HookError) else kind_and_message(error)
