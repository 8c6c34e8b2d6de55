"""Every row of the table of platforms names tests that are there."""

from __future__ import annotations

import pytest

from tests.support.shown_by import assert_shown, rows_of

ROWS = rows_of("docs/platforms.md")


def test_there_are_rows():
    assert len(ROWS) >= 3


@pytest.mark.parametrize("row", ROWS, ids=[row[2:60] for row in ROWS])
def test_a_row_names_what_shows_it(row):
    assert row.count(" | ") == 4, "system, what differs, what happens, really run on, shown by"
    assert_shown(row)
