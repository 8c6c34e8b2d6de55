"""The rules of the gate's table: a measured value with its budget, its limit with its bound."""

from __future__ import annotations

from statistics import NormalDist

from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.evaluation.kinds import holm
from modelrepair.evaluation.rules import RuleTable, quantile


def test_holms_steps():
    tables = {"a": RuleTable(0, 0, 0, 60), "b": RuleTable(0, 1, 0, 59), "c": RuleTable(0, 2, 0, 58)}
    assert holm(tables, 0.10, 0.05) == {"a": 0.05 / 3, "b": 0.05 / 2, "c": 0.05}
    # The second one ends it: what is behind keeps its level, and does not hold either.
    tables["b"] = RuleTable(0, 2, 0, 58)
    assert holm(tables, 0.10, 0.05) == {"a": 0.05 / 3, "b": 0.05 / 2, "c": 0.05 / 2}
    assert all(tables[kind].upper(z=quantile(0.05 / 2)) > 0.10 for kind in "bc")


counts = st.tuples(*[st.integers(0, 30)] * 4).map(lambda each: RuleTable(each[0], *each[1:3], 20))


@settings(max_examples=40)
@given(st.lists(counts, min_size=1, max_size=6), st.sampled_from([0.05, 0.1, 0.2]))
def test_all_hold_exactly_where_holm_rejects_all(tables, bound):
    named = dict(enumerate(tables))
    levels = holm({str(name): table for name, table in named.items()}, bound, 0.05)
    holds = [tables[int(name)].upper(z=quantile(level)) <= bound for name, level in levels.items()]

    def p_value(table):
        """The level at which the limit is just within the bound."""
        low, high = 0.0, 8.0
        if table.difference > bound:
            return 1.0
        for _ in range(50):
            middle = (low + high) / 2
            inside = table.upper(z=middle) <= bound
            low, high = (middle, high) if inside else (low, middle)
        return NormalDist().cdf(-low)

    ordered = sorted(map(p_value, tables))
    rejects = [p <= 0.05 / (len(ordered) - i) + 1e-9 for i, p in enumerate(ordered)]
    assert all(holds) == all(rejects)
    first = rejects.index(False) if not all(rejects) else len(rejects)
    assert holds.count(True) == first
