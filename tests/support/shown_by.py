"""Tables of pages in which each row ends with the tests that show it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TABLE = re.compile(r"^\| .* \| shown by \|\n\| --- .*\n((?:\| .*\n)+)", re.MULTILINE)


def rows_of(page: str) -> list[str]:
    """The rows of every table of a page whose last column is *shown by*."""
    tables = _TABLE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [row for table in tables for row in table.splitlines()]


def assert_shown(row: str) -> None:
    """A row names tests in its last cell, and each of them is there."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row.split(" | ")[-1])
    assert named, "a row ends with the tests that show it"
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"
