"""What every finding of the sample says besides."""

from __future__ import annotations

import pytest

import modelrepair
from modelrepair.auditing.lineage.changes import Change
from modelrepair.auditing.lineage.lineage import Lineage
from modelrepair.auditing.lineage.rules import SPARSE
from modelrepair.auditing.lineage.said import figures, none_of, power
from modelrepair.auditing.lineage.sampling import Sample, Slice
from tests.support.weights import fine_tuned, matrices, random_model, save

WHERE = Slice("w", 0, 2, 4)


def seen(*kinds, whole=False, out_of_reach=0.0):
    sample = Sample((WHERE,), 8, whole, 2e-6, 0.03, out_of_reach)
    return Lineage(0, 1, sample, tuple(Change(WHERE, kind) for kind in kinds), {}, {}, ())


def test_what_would_be_missed_is_said():
    assert "from 0.0002 % of the entries" in power(seen("equal"))
    assert "from 3 % on" in power(seen("equal"))
    assert power(seen("equal", whole=True)) == "every entry was compared"
    assert "all but 10.00%" in power(seen("equal", whole=True, out_of_reach=0.1))


@pytest.mark.parametrize(
    ("kinds", "outcome"),
    [
        (("equal",), "clear"),
        (("equal", "undecided"), "inconclusive"),
        (("dense", "undecided"), "clear"),
        (("dense", "unread"), "inconclusive"),
    ],
)
def test_what_no_slice_decides_is_open(kinds, outcome):
    found = none_of(SPARSE, seen(*kinds), "is one")
    assert found.outcome == outcome
    assert found.evidence["slices"] == len(kinds)


def test_figures_count_the_kinds():
    assert figures(seen("equal", "dense", "dense"))["kinds"] == {"equal": 1, "dense": 2}


def test_every_finding_of_a_sample_has_the_shares(tmp_path):
    base = random_model(0, layers=6)
    known = save(tmp_path / "base", base)
    target = save(tmp_path / "target", matrices(fine_tuned(), base))
    audit = modelrepair.audit(target, base=known, budget=500_000, seed=1)
    [found] = [each for each in audit.findings if each.rule.name == "fine-tuned"]
    shares = found.evidence["seen_from_share"]
    assert 0 < shares["scattered"] < shares["clustered"] < 1
    assert "95 % chance" in found.message
