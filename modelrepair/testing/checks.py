"""What a check is: one function that raises where its demand is not met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelrepair.testing.subject import Subject

KIT = 1
"""The version of the kit: higher whenever a check is added, taken away, or demands more."""


class Broken(AssertionError):
    """A check's demand is not met.

    >>> str(Broken("the scores are float64"))
    'the scores are float64'
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class NotApplicable(Exception):
    """A check can't be run on this plug-in, and why: it is recorded as skipped.

    >>> str(NotApplicable("it has no options"))
    'it has no options'
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


@dataclass(frozen=True)
class Check:
    """One demand on a plug-in.

    >>> def named(subject):
    ...     if not subject.name:
    ...         raise Broken("it has no name")
    >>> Check("named", "It has a name.", named).id
    'named'

    Args:
        id: its lasting name: a-z, 0-9 and ``-``.
        demands: what it demands, in one sentence.
        function: called with the plug-in; raises `Broken` with the reason where it is not met,
            and `NotApplicable` where it can't be asked. Any other exception is a failure, too.
        says: the message of a failure, as the documentation shows it; … for what varies.
    """

    id: str
    demands: str
    function: Callable[[Subject], None]
    says: str = "…"
