"""The checks of what a plug-in does beside giving its answer: the same for every kind."""

from __future__ import annotations

from collections.abc import Callable

from modelrepair.testing.checks import Broken, Check
from modelrepair.testing.network import no_network
from modelrepair.testing.subject import Subject
from modelrepair.testing.watching import Drew, no_draws, watched

Prepare = Callable[[Subject], Callable[[], object]]
"""Gets everything ready that is the kit's own work; what it gives sets the plug-in to work."""


def draws_nothing(prepare: Prepare) -> Check:
    """The check that global random numbers are left alone.

    >>> draws_nothing(lambda subject: lambda: None).id
    'no-random'

    Args:
        prepare: what the plug-in is to do.
    """

    def check(subject: Subject) -> None:
        act = prepare(subject)
        try:
            with no_draws():
                act()
        except Drew as drawn:
            raise Broken(
                f"it draws or seeds the global random numbers of {drawn}; use a generator of its "
                "own"
            ) from drawn

    return Check(
        "no-random",
        "It neither draws from nor seeds the global random numbers of torch, numpy and Python.",
        check,
        "it draws or seeds the global random numbers of …; use a generator of its own",
    )


def writes_nothing(prepare: Prepare, gives: str) -> Check:
    """The check that no file is written.

    >>> writes_nothing(lambda subject: lambda: None, "a judge gives verdicts").says
    'it writes to …: a judge gives verdicts and keeps nothing'

    Args:
        prepare: what the plug-in is to do.
        gives: what a plug-in of its kind gives instead.
    """

    def check(subject: Subject) -> None:
        act = prepare(subject)
        with watched(subject.folder / "empty") as written:
            act()
        if written:
            raise Broken(f"it writes to {written[0]}: {gives} and keeps nothing")

    return Check(
        "no-writes",
        "It writes, makes, renames and removes no file.",
        check,
        f"it writes to …: {gives} and keeps nothing",
    )


def asks_no_network(prepare: Prepare, says: str) -> Check:
    """The check that it works offline.

    >>> asks_no_network(lambda subject: lambda: None, "it asks the network: …").id
    'no-network'

    Args:
        prepare: what the plug-in is to do.
        says: the message, … for what it tried.
    """

    def check(subject: Subject) -> None:
        act = prepare(subject)
        with no_network() as tried:
            try:
                act()
            except Exception:
                if not tried:
                    raise
        if tried:
            raise Broken(says.replace("…", tried[0]))

    return Check(
        "no-network",
        "It asks nothing of the network, neither when it is made nor when it works.",
        check,
        says,
    )
