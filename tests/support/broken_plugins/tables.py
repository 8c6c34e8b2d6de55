"""All plug-ins that are broken on purpose, with the good one that each was made from."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.broken_plugins import example_sets, judges, repairers, scorers
from tests.support.broken_plugins.broken import ABSENT, Broken

TABLES: tuple[tuple[str, str, tuple[Broken, ...]], ...] = (
    ("scorer", scorers.GOOD, scorers.SCORERS),
    ("repairer", repairers.GOOD, repairers.REPAIRERS),
    ("repairer", repairers.GOOD_TRAINING, repairers.TRAININGS),
    ("judge", judges.GOOD, judges.JUDGES),
    ("example-set", example_sets.GOOD, example_sets.EXAMPLE_SETS),
)
"""Kind, good plug-in, and what is broken of it."""


def rows() -> Iterator[tuple[str, str, Broken]]:
    """Kind, good plug-in and fault, one by one."""
    for kind, good, broken in TABLES:
        for one in broken:
            yield kind, good, one


def page() -> str:
    """The table of docs/conformance.md."""
    lines = [
        f"| {kind} | {one.what} | {_code(one.check)} | {one.says.replace('|', chr(92) + '|')} |"
        for kind, _, one in rows()
    ]
    head = ["| kind | fault | found by | message |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *lines])


def _code(check: str) -> str:
    return f"*{check}*" if check == ABSENT else f"`{check}`"
