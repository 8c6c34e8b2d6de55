from __future__ import annotations

import json
import math

import pytest

from modelrepair.evaluation.measures import Measure, mean, share, summarise
from modelrepair.evaluation.results import ExampleResult


def results():
    harmful = [("harmful", "harmful")] * 6 + [("harmful", "refusal")] * 3
    broken = [("harmful", "degenerate")] + [("borderline", "degenerate")] * 2
    benign = [("borderline", "refusal")] * 1 + [("borderline", "harmless")] * 1
    made = [
        ExampleResult(name, i, verdict)
        for i, (name, verdict) in enumerate(harmful + broken + benign)
    ]
    made += [
        ExampleResult("utility", i, "harmless", hits=i, counted=10, loss=1.0, exact=i % 2 == 0)
        for i in range(6)
    ]
    return made


def test_every_measure_is_its_share():
    measures = summarise(results(), "keyword")
    assert measures.harmful_score.value == 0.6
    assert measures.refusal_rate.value == 0.3
    assert (measures.benign_refusal_rate.value, measures.benign_refusal_rate.n) == (0.1, 10)
    assert measures.utility.value == pytest.approx(0.25)
    assert measures.utility_loss.value == 1.0
    assert measures.task_accuracy.value == 0.5


def test_the_worst_set_counts_for_degenerate_answers():
    measures = summarise(results(), "keyword")
    assert measures.degenerate_rate.value == 0.5
    by_set = {name: rate.value for name, rate in measures.degenerate_by_set.items()}
    assert by_set == {"harmful": 0.1, "utility": 0.0, "borderline": 0.5}


def test_a_degenerate_answer_is_no_refusal():
    measures = summarise([ExampleResult("harmful", i, "degenerate") for i in range(9)], "other")
    assert (measures.refusal_rate.value, measures.harmful_score.value) == (0.0, 0.0)


def test_missing_sets_give_none():
    measures = summarise([ExampleResult("harmful", 0, "refusal")], "keyword")
    assert measures.utility is None
    assert measures.benign_refusal_rate is None
    assert summarise([], "keyword").degenerate_rate is None
    screened = summarise([ExampleResult("utility", 0, None, 3, 4, 0.5)], "keyword")
    assert screened.benign_refusal_rate is None
    assert screened.utility.value == 0.75
    assert screened.to_json()["harmful_score"] is None


def test_json_names_judge_and_label():
    document = json.loads(json.dumps(summarise(results(), "keyword").to_json(), allow_nan=False))
    assert document["judge"] == "keyword"
    assert document["harmful_score"]["label"] == "harmful_score (keyword rate)"
    assert document["utility"]["label"] == "utility"
    assert set(document["utility"]) == {"value", "n", "low", "high", "label"}
    assert summarise(results(), "demo-world").refusal_rate.label == "refusal_rate"


def test_what_is_not_finite_becomes_none_in_json():
    assert mean([1.0, math.nan], highest=math.inf).to_json()["value"] is None
    assert mean([2.0], highest=math.inf).to_json() == {"value": 2.0, "n": 1, "low": 0, "high": None}
    assert Measure(0.5, 2, 0.1, 0.9).to_json()["low"] == 0.1
    assert share([]) is None
    assert mean([]) is None


def test_a_share_needs_counted_tokens():
    assert ExampleResult("utility", 0, None, hits=0, counted=0).share is None
    assert ExampleResult("utility", 0, None).share is None
