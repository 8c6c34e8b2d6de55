"""Measures are shares of results, each with its number and its interval."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.evaluation.measures import (
    Measure,
    mean,
    perplexity,
    perplexity_change,
    share,
    summarise,
)
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


def followed(losses, counted=None):
    tokens = counted or [80] * len(losses)
    return [
        ExampleResult("text", i, None, 0, n, loss=loss)
        for i, (loss, n) in enumerate(zip(losses, tokens, strict=True))
    ]


losses = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 200)), min_size=2, max_size=30)


@given(losses)
def test_perplexity_is_that_of_all_tokens_together(drawn):
    taken = perplexity(followed(*map(list, zip(*drawn, strict=True))))
    tokens = sum(n for _, n in drawn)
    assert taken.n == tokens
    assert math.log(taken.value) == pytest.approx(sum(a * n for a, n in drawn) / tokens, abs=1e-9)
    assert taken.low <= taken.value * (1 + 1e-12)
    assert taken.high is None or taken.value <= taken.high * (1 + 1e-12)


@given(losses, st.randoms(use_true_random=False))
def test_a_change_is_the_quotient_of_two_perplexities(drawn, draw):
    one, counts = map(list, zip(*drawn, strict=True))
    two = [loss * draw.uniform(0.5, 1.5) for loss in one]
    before, after = followed(one, counts), followed(two, counts)
    there, back = perplexity_change(before, after), perplexity_change(after, before)
    quotient = perplexity(after).value / perplexity(before).value
    assert there.value == pytest.approx(quotient, rel=1e-9)
    assert there.value * back.value == pytest.approx(1)


def test_a_paired_interval_is_narrower_than_two_apart():
    before = [1 + i / 4 for i in range(28)]
    after = [loss + 0.1 + (i % 3) / 100 for i, loss in enumerate(before)]
    change = perplexity_change(followed(before), followed(after))
    assert 1.1 < change.low < change.value < change.high < 1.14
    apart = perplexity(followed(after))
    assert apart.high / apart.low > 2 * change.high / change.low


def test_perplexity_without_losses_and_of_a_broken_model():
    assert perplexity(results()) is None
    assert perplexity_change(followed([1.0, 2.0]), followed([1.0])) is None
    assert perplexity_change(followed([1.0]), followed([1.0], [81])) is None
    (alone,) = (perplexity(followed([2.0])),)
    assert (alone.low, alone.high) == (0.0, None)
    json.dumps(perplexity(followed([1e38, 1e38])).to_json(), allow_nan=False)


def test_a_text_counts_in_no_other_measure():
    with_text = summarise(results() + followed([3.0] * 4), "keyword")
    assert with_text.perplexity.value == pytest.approx(math.exp(3))
    without = summarise(results(), "keyword")
    assert {**vars(with_text), "perplexity": None} == vars(without)
