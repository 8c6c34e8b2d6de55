"""What a run asks of a model."""

from __future__ import annotations

import pytest

from modelrepair.preflight.demand import Demand


@pytest.mark.parametrize("evaluate", [False, True])
@pytest.mark.parametrize("answers", [False, True])
def test_the_whole_model_generates_where_a_measurement_asks_for_answers(evaluate, answers):
    assert Demand(evaluate=evaluate, answers=answers).answered == (evaluate and answers)
