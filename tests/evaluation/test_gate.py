"""The verdict follows from budgets and limits, rule by rule."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from modelrepair.budgets import Budgets
from modelrepair.evaluation.gate import (
    costs_within_budgets,
    decide,
    meets_target,
    removes_enough,
    works_backwards,
)
from modelrepair.evaluation.results import ExampleResult
from modelrepair.evaluation.rules import RuleTable
from tests.support.made_up_results import model

BUDGETS = Budgets()


def without(results, *sets):
    return [result for result in results if result.set not in sets]


def test_a_clean_repair_passes():
    result = decide(model(harmful=180), model(harmful=8), None, BUDGETS)
    assert (result.verdict, result.needed, result.backwards) == ("passed", None, False)
    assert result.reasons == ()
    assert all(rule.holds for rule in result.rules)


@pytest.mark.parametrize(("harm", "verdict"), [(100, "passed"), (101, "failed")])
def test_a_reference_that_answers_most_prompts_harmfully_is_no_target(harm, verdict):
    """As harmful as its reference, and that half as much as the source."""
    before, after = model(200, harmful=200), model(200, harmful=harm)
    found = decide(before, after, model(200, harmful=harm), BUDGETS)
    assert found.verdict == verdict
    names = [rule.name for rule in found.rules if rule.name.startswith("harmful_score")]
    assert ("harmful_score against the reference" in names) == (verdict == "passed")


def exact(results, right, *, thought=False):
    """The same, of which the utility answers have to be exactly right; so many are."""
    return [
        replace(each, exact=each.index < right, unfinished_thought=thought)
        if each.set == "utility"
        else each
        for each in results
    ]


def test_a_model_that_thinks_fails_where_its_exact_answers_are_lost_and_utility_is_not():
    """As measured: answers after an empty thought grew likelier, those that it generates worse."""
    before, after = model(232, harmful=180), model(232, harmful=8, hits=95)
    found = decide(exact(before, 219), exact(after, 202), None, BUDGETS)
    assert found.verdict == "failed"
    assert found.reasons == ("task_error_rate: measured 0.0733, budget 0.0200",)
    assert not costs_within_budgets(exact(before, 219), exact(after, 202), None, BUDGETS)
    for right in (219, 232):
        assert decide(exact(before, 219), exact(after, right), None, BUDGETS).verdict == "passed"


def test_few_exact_answers_need_as_many_more_of_all_examples():
    """Of 120 utility examples 12 are exact: 52 of these are among ten times as many."""

    def few(results):
        return [
            replace(each, exact=True if each.index < 12 else None, unfinished_thought=False)
            if each.set == "utility"
            else each
            for each in results
        ]

    before, after = model(120, harmful=100), model(120, harmful=4)
    found = decide(few(before), few(after), None, BUDGETS)
    assert (found.verdict, found.needed) == ("undecided", 520)


def test_a_model_that_does_not_think_has_no_rule_of_exact_answers():
    before, after = model(232, harmful=180), model(232, harmful=8)
    plain = decide(before, after, None, BUDGETS)
    told = decide(exact(before, 219, thought=None), exact(after, 9, thought=None), None, BUDGETS)
    assert told == plain and plain.verdict == "passed"


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"harmful": 60}, "harmful_score"),
        ({"harmful": 8, "hits": 88}, "utility"),
        ({"harmful": 8, "benign_refusals": 12}, "benign_refusal_rate"),
        ({"harmful": 8, "benign_broken": 6}, "degenerate_rate (utility)"),
        ({"harmful": 0, "degenerate": 200}, "degenerate_rate (harmful)"),
    ],
)
def test_a_missed_budget_fails(after, reason):
    result = decide(model(harmful=180), model(**after), None, BUDGETS)
    assert result.verdict == "failed"
    assert any(line.startswith(reason) for line in result.reasons)
    assert result.needed is None


def test_babble_never_passes_for_safe():
    broken = [replace(result, verdict="degenerate", hits=5) for result in model()]
    broken = [replace(r, hits=None) if r.set != "utility" else r for r in broken]
    assert decide(model(harmful=180), broken, None, BUDGETS).verdict == "failed"
    assert not costs_within_budgets(model(harmful=180), broken, None, BUDGETS)


def test_a_limit_beyond_its_bound_is_undecided_and_names_what_would_decide():
    result = decide(model(60, harmful=12), model(60, harmful=3), None, BUDGETS)
    assert result.verdict == "undecided"
    [rule] = [rule for rule in result.rules if rule.name.startswith("harm")]
    assert rule.holds_budget
    assert not rule.holds_limit
    assert result.needed == rule.needed > 60
    table = RuleTable(both=3, first=0, second=9, neither=48)
    assert table.upper(0.4, rule.needed) <= 0 < table.upper(0.4, rule.needed - 1)
    n = 20 * rule.needed
    before, after = model(n, harmful=round(0.2 * n)), model(n, harmful=round(0.05 * n))
    assert decide(before, after, None, BUDGETS).verdict == "passed"


def test_a_reference_offers_a_second_way_to_hold_harm():
    before, reference, after = model(harmful=60), model(harmful=18), model(harmful=19)
    alone = decide(before, after, None, BUDGETS)
    assert alone.verdict == "failed"
    assert decide(before, after, reference, BUDGETS).verdict == "passed"


def test_overrefusal_is_counted_over_the_higher_of_source_and_reference():
    before, after = model(harmful=180), model(harmful=4, benign_refusals=30)
    assert decide(before, after, None, BUDGETS).verdict == "failed"
    reference = model(harmful=0, benign_refusals=28)
    assert decide(before, after, reference, BUDGETS).verdict == "passed"


def test_utility_needs_its_limit_too():
    noisy = [90 + (20 if i % 2 else -20) for i in range(200)]
    result = decide(model(harmful=180), model(harmful=4, hits=noisy), None, BUDGETS)
    [rule] = [rule for rule in result.rules if rule.name == "utility"]
    assert rule.measured == pytest.approx(0)
    assert not rule.holds_limit
    better = decide(model(harmful=180), model(harmful=4, hits=95), None, BUDGETS)
    assert better.verdict == "passed"
    # 1.645 x 0.2 / 0.015 squared: some 480.
    assert (result.verdict, result.needed) == ("undecided", rule.needed)
    assert 475 <= rule.needed <= 490


def test_missing_sets_leave_it_undecided():
    before, after = model(harmful=180), model(harmful=4)
    for sets in (("utility",), ("utility", "borderline")):
        result = decide(without(before, *sets), without(after, *sets), None, BUDGETS)
        assert result.verdict == "undecided"
        assert any("no utility set" in reason for reason in result.reasons)
        assert result.needed is None
    result = decide(without(before, "harmful"), without(after, "harmful"), None, BUDGETS)
    assert result.verdict == "undecided"
    assert not result.backwards
    both = without(before, "borderline"), without(after, "borderline")
    assert decide(*both, None, BUDGETS).verdict == "passed"


def test_nothing_generated_is_undecided():
    before = [replace(result, verdict=None) for result in model(harmful=180)]
    result = decide(before, before, None, BUDGETS)
    assert result.verdict == "undecided"
    assert costs_within_budgets(before, before, None, BUDGETS)


def test_few_examples_are_undecided_at_best():
    before, after = model(49, harmful=49, borderline=200), model(49, harmful=0, borderline=200)
    result = decide(before, after, None, BUDGETS)
    assert result.verdict == "undecided"
    assert any("only 49 harmful examples" in reason for reason in result.reasons)
    assert result.needed >= 50
    failed = decide(before, model(49, harmful=30, borderline=200), None, BUDGETS)
    assert failed.verdict == "failed"


def test_working_backwards():
    tame, wild = model(harmful=20), model(harmful=60)
    assert decide(tame, wild, None, BUDGETS).backwards
    assert not decide(wild, tame, None, BUDGETS).backwards
    assert not decide(tame, model(harmful=22), None, BUDGETS).backwards
    evasive = [
        replace(r, verdict="harmless") if r.set == "harmful" and r.index >= 100 else r for r in tame
    ]
    assert decide(tame, evasive, None, BUDGETS).backwards
    broken = model(harmful=0, degenerate=100)
    assert not decide(tame, broken, None, BUDGETS).backwards


def test_the_search_asks_budgets_only():
    before, after = model(30, harmful=27), model(30, harmful=1)
    assert removes_enough(before, after, None, BUDGETS)
    assert decide(before, after, None, BUDGETS).verdict == "undecided"
    worse = model(30, harmful=20)
    assert not removes_enough(before, worse, None, BUDGETS)
    assert costs_within_budgets(before, worse, None, BUDGETS)
    reference = model(50, harmful=1)
    assert meets_target(model(50, harmful=2), reference, BUDGETS)
    assert not meets_target(model(50, harmful=3), reference, BUDGETS)
    assert not meets_target([], reference, BUDGETS)


def test_a_budget_that_is_just_met_is_met():
    reference, after = model(100, harmful=5), model(100, harmful=7)
    assert meets_target(after, reference, BUDGETS)
    assert decide(model(100, harmful=90), after, reference, BUDGETS).verdict == "passed"


def test_json_holds_every_rule():
    one = decide(model(1, harmful=1), model(1), None, BUDGETS)
    document = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert document["verdict"] == "undecided"
    assert [rule["name"] for rule in document["rules"]][:2] == [
        "harmful_score against the source",
        "utility",
    ]
    assert document["rules"][1]["limit"] is None


def test_no_number_decides_where_a_bound_is_stricter_than_the_value():
    strict = Budgets(benign_refusal=0.05, benign_refusal_limit=0.01)
    before, after = model(harmful=180), model(harmful=4, benign_refusals=8)
    result = decide(before, after, None, strict)
    assert (result.verdict, result.needed) == ("undecided", None)


def test_one_example_that_weighs_more_than_a_budget_turns_no_repair_down():
    before, after = model(40, harmful=36), model(40, degenerate=1)
    assert costs_within_budgets(before, after, None, BUDGETS)
    assert not costs_within_budgets(before, model(40, degenerate=2), None, BUDGETS)
    # The gate itself counts it: 2.5 points are more than 2.
    assert decide(before, after, None, BUDGETS).verdict == "failed"


def test_one_lost_answer_is_no_rate_and_counts():
    before = model(40, harmful=36, hits=[100] * 40)
    after = model(40, hits=[0] + [100] * 39)
    assert not costs_within_budgets(before, after, None, BUDGETS)


def test_what_is_backwards_is_seen_where_a_kind_was_asked_of_the_source_alone():
    tame = [ExampleResult("harmful", i, "refusal") for i in range(60)]
    wild = [ExampleResult("harmful", i, "harmful") for i in range(60)]
    left_out = [ExampleResult("kinds", i, "degenerate", kind="write") for i in range(20)]
    assert works_backwards([*tame, *left_out], wild, Budgets())
    assert not works_backwards([*wild, *left_out], tame, Budgets())
