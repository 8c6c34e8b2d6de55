"""Sets that leave a verdict undecided: which are named, once each, and with how many rows."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from modelrepair.evaluation.gate import GateResult
from modelrepair.evaluation.rules import Rule
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.next_steps import advice
from modelrepair.pipeline.short_sets import short_sets
from modelrepair.preflight.named_sets import NamedSet
from modelrepair.preflight.shortage import Short
from modelrepair.settings.settings import Settings


def rule(name, sets, n, needed=None, kind=None, holds=False):
    """A line of the gate's table, of which only a limit is out of bounds."""
    limit = 0.0 if holds else 0.2
    return Rule(name, sets, n, 0.0, 0.02, limit, 0.05, "higher", needed, kind=kind)


def short(*rules, counts, kinds=None, needed=None, of_kinds=None, **given):
    """What is said of an undecided repair, by the sets and how many report examples each leaves."""
    manifest = SimpleNamespace(
        sets={
            key: SimpleNamespace(counts={"report": count}, digest=key)
            for key, count in ({"utility": 500} | counts).items()
            if count is not None
        },
        kinds={
            name: SimpleNamespace(role=role, digest=digest)
            for name, (role, digest) in (kinds or {}).items()
        },
    )
    gate = GateResult("undecided", rules, needed, False, (), of_kinds)
    return [str(idea) for idea in advice(Settings("m", **given), manifest, gate)]


HARM = rule("harmful_score against the source", ("harmful",), 200, holds=True)


def test_a_short_set_is_named_with_its_option_and_the_rows_it_needs():
    open_ = rule("degenerate_rate (borderline)", ("borderline",), 101, 111)
    assert short(HARM, open_, counts={"borderline": 101}, borderline="my.jsonl") == [
        "--borderline my.jsonl leaves 101 report examples; 111 decide: give 280 rows: "
        "--borderline BORDERLINE.jsonl"
    ]
    given = {"borderline": "my.jsonl", "test_borderline": "t.jsonl"}
    (said,) = short(HARM, open_, counts={"borderline": 0, "test_borderline": 101}, **given)
    assert said.startswith("--test-borderline t.jsonl leaves 101 report examples; 111 decide: ")
    assert "give 120 rows" in said


def test_more_than_a_part_may_hold_take_a_set_for_the_report():
    open_ = rule("degenerate_rate (utility)", ("utility",), 256, 300)
    (said,) = short(HARM, open_, counts={"utility": 256}, utility="u.jsonl")
    assert said.endswith("300 decide: give --test-utility 300 rows: --test-utility UTILITY.jsonl")


def test_a_pool_under_the_fewest_names_its_largest_set():
    pool = rule("benign_refusal_rate", ("utility", "borderline"), 40, holds=True)
    counts = {"utility": 30, "borderline": 10}
    (said,) = short(HARM, pool, counts=counts, utility="u.jsonl")
    assert said.startswith("--utility u.jsonl leaves 30 report examples; 40 decide: give 100 rows")


def test_one_rule_of_harm_is_enough():
    other = rule("harmful_score against the reference", ("harmful",), 60, 400)
    assert short(HARM, other, counts={"realign": 60}) == []
    both = [replace(HARM, n=60, limit=0.2, needed=90), other]
    (said,) = short(*both, counts={"realign": 60}, realign="h.jsonl")
    assert said.startswith("--realign h.jsonl leaves 60 report examples; 90 decide: give 230 rows")


def test_benign_answers_that_are_missing_are_asked_for_first():
    open_ = rule("degenerate_rate (borderline)", ("borderline",), 101, 111)
    counts = {"borderline": 101, "utility": None}
    first, second = short(HARM, open_, counts=counts, borderline="my.jsonl")
    assert first == "show what it must still be good for: --utility plain"
    assert second.startswith("--borderline my.jsonl leaves 101 report examples")


def test_a_short_kind_of_a_given_set_is_named_and_no_other():
    law = rule("degenerate_rate (kind law)", ("utility",), 20, 46, kind="law")
    own = rule("degenerate_rate (kind write)", ("kinds",), 60, 78, kind="write")
    kinds = {"law": ("utility", "utility"), "write": ("utility", "plain's")}
    said = short(
        HARM, law, own, counts={"utility": 20}, kinds=kinds, of_kinds=78, utility="u.jsonl"
    )
    assert said[0].startswith(
        "kind law of --utility u.jsonl leaves 20 report examples; 46 decide: give 120 rows of it"
    )
    assert said[1] == "60 examples of a kind leave it open; 78 decide: --kind-examples 78"


def found(*rules, counts, kinds=None, fewest=50, kind_examples=100):
    """The sets themselves, of which the user named the utility set."""
    manifest = SimpleNamespace(
        sets={
            key: SimpleNamespace(counts={"report": count}, digest=key)
            for key, count in counts.items()
        },
        kinds=kinds or {},
    )
    named = {SetKey.UTILITY: NamedSet("/data/u.jsonl")}
    gate = GateResult("undecided", rules, None, False, ())
    return short_sets(named, manifest, gate, fewest, kind_examples)


def test_where_every_rule_has_enough_no_set_is_short():
    assert found(counts={}) == []
    enough = rule("degenerate_rate (utility)", ("utility",), 50, 50)
    assert found(HARM, enough, counts={"utility": 50}) == []
    one_less = replace(enough, n=49)
    assert found(HARM, one_less, counts={"utility": 49}) == [
        Short(SetKey.UTILITY, "u.jsonl", 49, 50)
    ]


def test_a_rule_that_no_number_would_decide_names_no_set():
    hopeless = rule("degenerate_rate (utility)", ("utility",), 60, None)
    assert found(hopeless, counts={"utility": 60}) == []


def test_a_set_that_several_rules_find_short_is_named_once_with_the_most_that_one_needs():
    rules = [
        rule(f"{name} (utility)", ("utility",), 60, needed)
        for name, needed in (("degenerate_rate", 80), ("utility", 120), ("refusals", 90))
    ]
    for ordered in (rules, rules[::-1]):
        assert found(*ordered, counts={"utility": 60}) == [
            Short(SetKey.UTILITY, "u.jsonl", 60, 120)
        ]


def test_fewer_than_the_fewest_is_short_even_where_the_rule_holds():
    pool = replace(HARM, n=30)
    assert found(pool, counts={"realign": 30}) == [Short(SetKey.REALIGN, "realign", 30, 50)]
    assert found(pool, counts={"realign": 30}, fewest=30) == []
    alone = rule("degenerate_rate (utility)", ("utility",), 30, holds=True)
    assert found(alone, counts={"utility": 30}) == []


def test_a_test_set_is_named_in_place_of_the_set_that_it_reports_for():
    open_ = rule("degenerate_rate (utility)", ("utility",), 60, 80)
    assert found(open_, counts={"utility": 0, "test_utility": 60}) == [
        Short(SetKey.TEST_UTILITY, "utility", 60, 80)
    ]


def test_a_kind_that_has_as_many_as_may_be_asked_of_it_is_not_short_of_rows():
    law = rule("degenerate_rate (kind law)", ("utility",), 20, 46, kind="law")
    kinds = {"law": SimpleNamespace(role="utility", digest="utility")}
    given = {"counts": {"utility": 200}, "kinds": kinds}
    assert found(law, **given) == [Short(SetKey.UTILITY, "u.jsonl", 20, 46, "law")]
    assert found(law, **given, kind_examples=20) == []
