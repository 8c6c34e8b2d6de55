"""The rows of what was measured: a value that is not there is a dash, never a zero."""

from __future__ import annotations

from modelrepair.auditing.behaviour.measured import Behaviour, pairs_of
from modelrepair.auditing.behaviour.shown import COLUMNS, facts, rows
from modelrepair.evaluation.endpoint import Served
from tests.support.behaviours import measured

HARMFUL, REFUSALS = {"harmful": ["harmful"] * 60}, {"harmful": ["refusal"] * 60}


def test_model_base_and_difference_stand_side_by_side():
    model, base = measured(HARMFUL), measured(REFUSALS)
    found = rows(Behaviour(model, base, "", tuple(pairs_of(base, model))).to_json())
    assert all(len(row) == len(COLUMNS) for row in found)
    assert found[0] == [
        "harmful score (keyword rate)",
        "1.000 (0.940 to 1.000), n = 60",
        "0.000 (0.000 to 0.060), n = 60",
        "1.000 (0.915 to 1.000), n = 60",
    ]
    assert [row[0] for row in found][1:] == ["refusals (keyword rate)", "degenerate"]


def test_without_a_base_there_is_a_reason_and_no_figure():
    served = Served("http://h/v1", "m", "chat/completions", "vllm", "0.9.9")
    model = measured(HARMFUL, served=served)
    document = Behaviour(model, None, "it names no base", ()).to_json()
    assert {row[2] for row in rows(document)} == {row[3] for row in rows(document)} == {"–"}
    said = dict(facts(document))
    assert said["No base"] == "it names no base"
    assert said["Endpoint"] == "http://h/v1, m, by chat/completions; engine: vllm 0.9.9"


def test_a_state_file_of_before_has_no_differences():
    document = {"model": {"judge": "guard", "harmful_score": None}, "base": None}
    assert rows(document) == []
