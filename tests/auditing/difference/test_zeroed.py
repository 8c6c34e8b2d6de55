"""Zeroed entries that are the smallest, and others."""

from __future__ import annotations

import pytest

from modelrepair.auditing.difference.pairs import Pair
from modelrepair.auditing.difference.zeroed import below_the_rest
from modelrepair.checkpoint.bits import from_float32
from tests.support import compared_models as make

NAME = "model.layers.0.mlp.up_proj.weight"


def share(change):
    base = make.weights()
    old, new = (from_float32(each[NAME], "BF16") for each in (base, change(base)))
    return below_the_rest(Pair(NAME, old.shape, old, "BF16", new, "BF16"))


@pytest.mark.parametrize("rows", [False, True])
def test_the_smallest_of_a_tensor_or_row_are_known(rows):
    assert share(lambda base: make.pruned(base, 0.3, rows=rows)) > 0.99


def test_others_are_among_the_smallest_by_chance_only():
    assert share(lambda base: make.edited(base, 0.2)) == pytest.approx(0.2, abs=0.03)
