"""Rows of tables: CSV as spreadsheets write it, parquet and Arrow."""

from __future__ import annotations

from modelrepair.examples.tables import csv_rows


def test_many_columns_cost_no_more_than_many():
    header = ",".join(f"c{number}" for number in range(100_000))
    assert list(csv_rows(header.encode(), "wide.csv")) == []
