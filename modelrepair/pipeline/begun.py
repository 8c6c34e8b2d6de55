"""What an unfinished repair was begun with, and in what a command differs from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.atomic import write_json
from modelrepair.checkpoint.untrusted import read_json
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.settings.settings import NEGATED, TYPED
from modelrepair.version import version

SETTINGS = "settings.json"
SHA256 = re.compile("[0-9a-f]{64}")
RESTART = "--restart throws that work away and starts afresh"
PREFIXES = {**{key: f"{option} " for key, option in TYPED.items()}, "budgets": "--gate-"}
"""How the parts of a setting are typed that has some."""


@dataclass(frozen=True)
class Begun:
    """The settings of a repair, and the digests of what it is made on, by name.

    >>> one, two = "1f" * 32, "2a" * 32
    >>> old = Begun({"ratio": 0.01}, {"config.json of the source": one})
    >>> list(Begun({"ratio": 0.02}, {"config.json of the source": two}).differs(old))
    ['--ratio was 0.01, is 0.02', 'config.json of the source was changed']
    """

    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    version: str = field(default_factory=version)

    def write(self, folder: Path) -> None:
        """Keep it in the folder of the unfinished repair."""
        content = {"modelrepair": self.version, "settings": self.settings, "inputs": self.inputs}
        write_json(folder / SETTINGS, content)

    def check(self, folder: Path) -> None:
        """Refuse to resume what was begun with other settings or inputs.

        Raises:
            UsageError: by another version, with other settings, on other inputs, or unknown how.
        """
        known = read(folder)
        if known.version != self.version:
            raise UsageError(
                f"{folder.name!r} holds an unfinished repair by modelrepair {known.version}, and "
                f"this is modelrepair {self.version}",
                hint=f"finish it with that version, or add --restart: {RESTART}",
                id="unfinished-repair",
            )
        if found := list(self.differs(known)):
            raise UsageError(
                f"{folder.name!r} holds an unfinished repair with other settings or inputs: "
                + "; ".join(found),
                hint=f"{self.way_back(known)} to finish it, or add --restart: {RESTART}",
                id="unfinished-repair",
            )

    @property
    def commit(self) -> str | None:
        """What the source's branch on the Hub stands for; None of a folder."""
        return self.settings.get("revision")

    def way_back(self, known: Begun) -> str:
        """How the earlier command is typed, where its source may have moved on the Hub since."""
        if known.commit and self.commit != known.commit:
            return f"run that command with --revision {known.commit}"
        return "run that command again"

    def differs(self, known: Begun) -> Iterator[str]:
        """In what this differs from an earlier one, in one line each."""
        for name in dict.fromkeys([*known.settings, *self.settings]):
            yield from _differ(name, known.settings.get(name), self.settings.get(name))
        moved = self.commit != known.commit
        for name in dict.fromkeys([*known.inputs, *self.inputs]):
            if moved and name.endswith(" of the source"):
                continue  # said by the commit
            before, now = known.inputs.get(name), self.inputs.get(name)
            if before is None or now is None:
                yield f"{name} {'is new' if before is None else 'is gone'}"
            elif before != now and all(map(SHA256.fullmatch, (str(before), now))):
                yield f"{name} was changed"
            else:
                yield from _line(name, before, now)


def read(folder: Path) -> Begun:
    """What was kept of an unfinished repair.

    Raises:
        UsageError: it is damaged, or no program of ours wrote it.
    """
    try:
        found = read_json(folder, SETTINGS)
        kept = found["settings"], found["inputs"], found["modelrepair"]
        if [type(each) for each in kept] != [dict, dict, str]:
            raise TypeError
    except (DamagedCheckpointError, TypeError, KeyError):
        raise UsageError(
            f"{folder.name!r} holds an unfinished repair, and its {SETTINGS} does not say of what",
            hint=f"choose another --out, or add --restart: {RESTART}",
            id="unfinished-repair",
        ) from None
    return Begun(*kept)


def _differ(name: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        prefix = PREFIXES.get(name, f"--{name.replace('_', '-')} ")
        for key in dict.fromkeys([*before, *now]):
            part = key.replace("_", "-") if prefix.endswith("-") else key
            yield from _line(f"{prefix}{part}", before.get(key), now.get(key))
    elif name in NEGATED:
        yield from _line(f"--{NEGATED[name]}", before is False, now is False)
    else:
        option = "SOURCE" if name == "source" else f"--{name.replace('_', '-')}"
        yield from _line(option, before, now)


def _line(option: str, before: Any, now: Any) -> Iterator[str]:
    if before != now and _shown(before) != _shown(now):
        yield f"{option} was {_shown(before)}, is {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None or value is False or value in ([], {}):
        return "not given"
    if value is True:
        return "given"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
