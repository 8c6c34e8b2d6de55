"""Commands that other packages add: found by metadata alone, imported when they are called."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelrepair.errors import PluginError, UsageError, kind_and_message
from modelrepair.plugin.loading import NAME, NAMES, VARIABLE, allow_list, normalised

if TYPE_CHECKING:
    import click

GROUP = "modelrepair.commands"
"""The entry-point group: the name is the command's, the value ``package.module:command``."""


@dataclass(frozen=True)
class CommandPlugin:
    """A command that a package adds, known without importing anything of that package.

    Args:
        name: what users type after ``modelrepair``.
        summary: the distribution's own summary.
        distribution: the package that offers it.
        version: of that package.
        entry_point: where the command is.
        status: ``active``; ``blocked`` by the variable; ``refused`` where the name is taken.
        error: why it is refused.
    """

    name: str
    summary: str
    distribution: str
    version: str
    entry_point: importlib.metadata.EntryPoint
    status: str = "active"
    error: str = ""


def find_commands(
    built_in: Collection[str],
    points: Iterable[importlib.metadata.EntryPoint] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[CommandPlugin, ...]:
    """All commands that installed packages offer, sorted by name; nothing of them is imported.

    >>> find_commands(("fix",), points=())
    ()

    Args:
        built_in: names that no package can take.
        points: the entry points; default: those of this environment.
        environment: where ``MODELREPAIR_PLUGINS`` may name the only plug-ins to use.
    """
    found = importlib.metadata.entry_points(group=GROUP) if points is None else points
    allowed = allow_list(environment)
    commands = [_command(point, built_in, allowed) for point in found]
    return tuple(sorted(commands, key=lambda each: (each.name, normalised(each.distribution))))


def load_command(name: str, offered: Iterable[CommandPlugin]) -> click.Command | None:
    """Import the command of this name; None where no package offers it.

    Raises:
        UsageError: two packages offer it.
        PluginError: its package can't be imported, or what it names is no command.
    """
    import click

    matches = [each for each in offered if each.name == name and each.status == "active"]
    if not matches:
        return None
    if len(matches) > 1:
        who = " and ".join(f"{each.distribution} {each.version}" for each in matches)
        raise UsageError(
            f"{len(matches)} packages add a command {name!r}: {who}",
            hint=f"uninstall one, or name the plug-ins to load in {VARIABLE}",
        )
    plugin = matches[0]
    try:
        command = plugin.entry_point.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"{plugin.entry_point.value} is no click command")
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"the command {name!r} of {plugin.distribution} {plugin.version} could not be "
            f"loaded: {kind_and_message(error)}",
            hint="repair or update that package; `--debug` shows its traceback",
            id="plugin-not-loaded",
        ) from error
    return command


def _command(
    point: importlib.metadata.EntryPoint, built_in: Collection[str], allowed: set[str] | None
) -> CommandPlugin:
    dist = point.dist
    name, version = (dist.name, dist.version) if dist else ("?", "?")
    summary = dist.metadata["Summary"] if dist and "Summary" in dist.metadata else ""
    status, error = "active", ""
    if allowed is not None and not {normalised(name), normalised(point.name)} & allowed:
        status = "blocked"
    elif point.name in built_in:
        status, error = "refused", f"{point.name!r} is a command of modelrepair itself"
    elif not NAME.fullmatch(point.name):
        status, error = "refused", f"it is named {point.name!r}, {NAMES}"
    return CommandPlugin(point.name, summary, name, version, point, status, error)
