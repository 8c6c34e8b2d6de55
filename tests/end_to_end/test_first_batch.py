"""Every command with a pass first checks whether the blocks alone give what the model gives."""

from __future__ import annotations

import pytest

from modelrepair import UnsupportedModelError, measure
from modelrepair.demo import paths
from modelrepair.evaluation import evaluate


class Looked(UnsupportedModelError):
    """Raised in place of the look."""


@pytest.fixture
def looks(monkeypatch):
    seen = []

    def look(skeleton, inputs, read):
        seen.append(tuple(inputs["input_ids"].shape))
        raise Looked("block 1 gives another result alone", hint="…")

    monkeypatch.setattr(evaluate, "check_first_batch", look)
    return seen


def test_fix_looks_before_it_computes(quick_repair, looks, tmp_path):
    with pytest.raises(Looked):
        quick_repair()
    ((rows, tokens),) = looks
    assert rows * tokens <= 2048
    assert not (tmp_path / "out").exists()


def test_measure_looks_where_it_sweeps(looks):
    with pytest.raises(Looked):
        measure(paths.attacked, utility=paths.sets["utility"], judge="demo-world")
    assert len(looks) == 1
