"""Every id of an error with what it means, and the part of the page that explains it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs" / "error-ids.toml"


@dataclass(frozen=True)
class Meaning:
    """What one id stands for.

    Args:
        section: of the page.
        code: the exit code.
        means: what happened, in a sentence.
        do: what to do, in a sentence.
    """

    section: str
    code: int
    means: str
    do: str


ERRORS = {
    id: Meaning(section, *values)
    for section, ids in tomllib.loads(FILE.read_text(encoding="utf-8")).items()
    for id, values in ids.items()
}


def code_of(id: str) -> int:
    """The exit code of an error; 0 where none is named."""
    return ERRORS[id].code if id else 0


def reference() -> list[str]:
    """The ids as a page shows them, each with a heading to link to."""
    parts, section = [], ""
    for id, error in ERRORS.items():
        if error.section != section:
            section = error.section
            parts.append(f"## {section}")
        parts.append(f"### {id}\n\nExit code {error.code}. {error.means} {error.do}")
    return parts


def linked(id: str, page: str = "") -> str:
    """An id in a cell of a table, linked to its heading."""
    return f"[{id}]({page}#{id})" if id else "–"
