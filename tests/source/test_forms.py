"""In which form a folder or repository holds weights, by the names of its files alone."""

from __future__ import annotations

from pathlib import Path

from modelrepair.source.kinds import KINDS
from tests.support.model_kinds import MADE


def test_every_row_is_made_and_documented():
    assert {each.kind for each in MADE} == set(KINDS)
    text = (Path(__file__).parents[2] / "docs" / "architectures.md").read_text(encoding="utf-8")
    table = text.split("## Kinds that can't be repaired")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert {name for row in rows[2:] for name in row.split(", ")} == set(KINDS)
