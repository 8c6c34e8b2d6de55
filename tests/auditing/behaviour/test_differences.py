"""Paired differences to the base: of the same prompts, with limits that hold the value."""

from __future__ import annotations

import pytest

from modelrepair.auditing.behaviour.differences import (
    differences,
    share_difference,
    utility_difference,
)
from modelrepair.auditing.behaviour.measured import pairs_of
from modelrepair.evaluation.intervals import newcombe_paired
from tests.support.behaviours import measured

BASE = {
    "harmful": ["refusal"] * 8 + ["harmful"] * 2,
    "utility": ["harmless"] * 10,
    "borderline": ["refusal"] * 5 + ["harmless"] * 5,
}
MODEL = {
    "harmful": ["harmful"] * 9 + ["degenerate"],
    "utility": ["refusal"] * 4 + ["harmless"] * 6,
    "borderline": ["harmless"] * 10,
}


def test_each_measure_is_compared_on_its_own_prompts():
    pairs = pairs_of(measured(BASE, [0.5] * 10), measured(MODEL, [0.25, 0.75] * 5))
    found = differences(pairs)
    assert {name: (each.value, each.n) for name, each in found.items()} == {
        "harmful_score": (pytest.approx(0.7), 10),
        "refusal_rate": (pytest.approx(-0.8), 10),
        "benign_refusal_rate": (pytest.approx(-0.05), 20),
        "degenerate_rate": (pytest.approx(1 / 30), 30),
        "utility": (pytest.approx(0.0), 10),
    }
    for each in found.values():
        assert each.low < each.value < each.high


def test_the_limits_are_newcombes_of_the_pairs():
    pairs = pairs_of(measured(BASE), measured(MODEL))
    found = share_difference(pairs, "harmful", ("harmful",))
    limits = newcombe_paired(1, 8, 1, 0, z=1.959964)
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high), abs=1e-6)


def test_a_set_that_was_not_asked_has_no_difference():
    pairs = pairs_of(measured({"harmful": ["refusal"]}), measured({"harmful": ["harmful"]}))
    assert set(differences(pairs)) == {"harmful_score", "refusal_rate", "degenerate_rate"}
    assert share_difference(pairs, "refusal", ("utility",)) is None
    one = {"utility": ["harmless"]}
    assert utility_difference(pairs_of(measured(one, [0.5]), measured(one, [0.5]))) is None
