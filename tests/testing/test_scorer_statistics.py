"""Each check of accumulators finds what it is meant for."""

from __future__ import annotations

import pytest

from modelrepair.testing.scorer_statistics import STATISTICS
from tests.support.broken_scorers import ask, broken
from tests.support.said import is_shown

FAULTS = [
    ("made", {"made": "raise ValueError('no')"}, "ValueError: no"),
    ("made", {"made": "raise UsageError('never', hint='')"}, "it refuses every kind of subject"),
    ("made", {"needs": "[self.sums]"}, "its `needs` is a list, expected a mapping"),
    ("sets", {"sets": "{}"}, "it needs statistics of the realign set, and `sets` does not name"),
    ("sets", {"sets": '{"realign": "all"}'}, "it asks for 'all' of a set 'realign'"),
    (
        "sets",
        {
            "sets": '{"realign": "prompts"}',
            "needs": '{"realign": (self.sums, Gradients())}',
            "gradients": "True",
        },
        "it reads gradients on the realign set and asks for prompts alone",
    ),
    ("gradients-flag", {"gradients": "True"}, "its accumulators read no gradients, and its spec"),
    (
        "gradients-flag",
        {"needs": '{"realign": (self.sums, Gradients())}'},
        "its accumulators read gradients, and its spec says gradients=False",
    ),
    (
        "losses",
        {"made": "self.losses = {'realign': 'squared'}"},
        "`losses` has 'squared' for 'realign'",
    ),
    (
        "eased",
        {"made": "self.eased = lambda: type('Other', (), {'needs': {}})"},
        "what `eased` gives needs other statistics",
    ),
    ("eased", {"made": "self.eased = lambda: self"}, "`eased` gave another scorer 40 times"),
    ("accumulators", {"eq": ", eq=False"}, "Sums equals none of another scorer"),
    ("accumulators", {"combine": "mean"}, "Sums reads 'inputs' and combines by 'mean'"),
    ("contribution", {"contribution": "return sums"}, "Sums gave a Tensor, expected a mapping"),
    ("contribution", {"contribution": "sums = sums.double()"}, "gave 'sum' as torch.float64"),
    ("contribution", {"contribution": "sums = sums / 0"}, "Sums gave 'sum' that is not finite"),
    (
        "contribution",
        {"contribution": "sums = batch.inputs"},
        "for one batch and {'sum': (12, 8)} for another",
    ),
    (
        "reads",
        {"contribution": "sums = sums * gradients.square().sum()"},
        "Sums declares that it reads inputs, and fails without gradients: AttributeError",
    ),
    (
        "reads",
        {"contribution": "sums = sums if gradients is None else 2 * sums"},
        "Sums declares that it reads inputs, and reads gradients, too",
    ),
    (
        "reads",
        {"contribution": "sums = sums * len(site.name)"},
        "and depends on the matrix: layers with the same input share one contribution",
    ),
    (
        "reads",
        {"reads": "gradients", "gradients": "True"},
        "Sums declares that it reads gradients, and reads none",
    ),
    (
        "adds-up",
        {"contribution": "sums = sums.sqrt()"},
        "'sum' of a batch differs from the sum over its parts by",
    ),
    ("adds-up", {"combine": "max"}, "'sum' of a batch differs from the maximum over its parts by"),
    ("nbytes", {"nbytes": "8"}, "its state takes 64 bytes for a matrix of [6, 8], and nbytes"),
    ("nbytes", {"nbytes": "8 * 1000"}, "its state takes 64 bytes"),
    ("nbytes", {"nbytes": "64"}, "its state takes 80 bytes for a matrix of [5, 10]"),
]


@pytest.mark.parametrize(("id", "faults", "reason"), FAULTS)
def test_each_check_finds_what_it_is_meant_for(tmp_path, id, faults, reason):
    found = broken(ask(tmp_path, STATISTICS, **faults))
    assert reason in found[id]
    assert is_shown(STATISTICS, id, found[id])


def test_a_scorer_without_a_fault_passes(tmp_path):
    results = ask(tmp_path, STATISTICS)
    assert broken(results) == {}
    assert [id for id, each in results.items() if each.outcome == "skipped"] == ["losses", "eased"]


def test_maxima_pass_as_sums_do(tmp_path):
    largest = "sums = torch.cat([batch.inputs, torch.zeros_like(batch.inputs[:1].sum(0)[None])])"
    faults = {"combine": "max", "contribution": f"{largest}.amax(0)"}
    assert broken(ask(tmp_path, STATISTICS, **faults)) == {}


def test_a_kind_of_subject_may_be_refused(tmp_path):
    made = "\n".join(
        [
            "if subject_kind != 'delta':",
            "            raise UsageError('it needs a reference', hint='give one')",
        ]
    )
    assert broken(ask(tmp_path, STATISTICS, made=made)) == {}
