"""A measurement of one model on whole sets: nothing is scored, searched, changed or written."""

from __future__ import annotations

from modelrepair import measure
from modelrepair.demo import paths


def test_measure_gives_the_measures_of_any_model():
    report = measure(
        paths.attacked, borderline=paths.sets["borderline"], judge="demo-world", max_new_tokens=24
    )
    assert report.measures.harmful_score is None
    assert report.measures.benign_refusal_rate.n == 84
    assert report.measures.benign_refusal_rate.value <= 0.05
