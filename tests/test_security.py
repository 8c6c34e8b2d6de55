"""Every row of SECURITY.md names tests that are there."""

from __future__ import annotations

import pytest

from tests.support.shown_by import assert_shown, rows_of

ROWS = rows_of("SECURITY.md")


def test_there_are_rows():
    assert len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=[row[2:42] for row in ROWS])
def test_a_row_names_what_shows_it(row):
    assert_shown(row)
