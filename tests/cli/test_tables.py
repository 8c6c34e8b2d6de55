"""Measures as people read them."""

from __future__ import annotations

import pytest

from modelrepair.demo import paths


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize(
    "command",
    [
        "scorers list",
        "scorers show contrast",
        "repairers list",
        "plugins list",
        f"plan {paths.attacked}",
        f"plan {paths.attacked} --reference {paths.reference} --push --to me/mine",
        f"verify {paths.attacked} --source {paths.attacked}",
    ],
    ids=lambda text: text.split("/")[0] if isinstance(text, str) else None,
)
def test_tables_fit_and_nothing_is_cut(call, command, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    result = call(*command.split())
    assert result.out
    assert "…" not in result.out
    for line in result.out.splitlines():
        long = max(line.split(), key=len, default="")
        assert len(line) <= columns or len(long) > columns // 2, line
