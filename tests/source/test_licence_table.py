"""The licences that models are under: each row has its URL."""

from __future__ import annotations

from modelrepair.source.licence_table import _TABLE, find_licence


def test_every_row_has_an_address_and_finds_itself():
    for _, row in _TABLE:
        assert row.url.startswith("https://") and row.id is not None
        assert find_licence(row.id) == row, row.id
        assert all(len(rule) < 100 and "\n" not in rule for rule in row.rules)
