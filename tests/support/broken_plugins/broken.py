"""A plug-in that is broken in one place: a good one, and what is changed in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

ABSENT = "not loaded"
"""In the place of a check: the plug-in isn't there, and asking for it says why."""


@dataclass(frozen=True)
class Broken:
    """One fault.

    Args:
        name: of the plug-in; its distribution is ``broken-<name>``.
        what: what is wrong with it, for the page.
        check: the check that is meant to find it.
        says: its message; "…" is any text.
        old: a text of the good plug-in; where it is empty, ``new`` is put at the end.
        new: what replaces it.
        also: checks that fail in consequence.
    """

    name: str
    what: str
    check: str
    says: str
    old: str
    new: str
    also: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        """The package that it comes in."""
        return f"broken-{self.name}"

    def code(self, good: str) -> str:
        """The module, made from a good one that differs in this one place.

        Raises:
            ValueError: the good one has no such place, or several.
        """
        if self.old and good.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.old!r} is there {good.count(self.old)} times")
        changed = good.replace(self.old, self.new) if self.old else f"{good}\n{self.new}\n"
        return named(changed, self.name)

    def is_said(self, message: str) -> bool:
        """Whether a message is the one that is meant."""
        return re.fullmatch(".*".join(map(re.escape, self.says.split("…"))), message) is not None


def named(good: str, name: str) -> str:
    """A good plug-in by this name, in a module of its distribution's name."""
    return good.replace("NAME", name).replace("MODULE", f"broken_{name.replace('-', '_')}")
