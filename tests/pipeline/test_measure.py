"""A measurement of one model on whole sets: nothing is scored, searched, changed or written."""

from __future__ import annotations

import math

import pytest

from modelrepair import measure
from modelrepair.demo import paths
from modelrepair.evaluation import own_text
from tests.support.own_text import PASSAGES, direct, head


def test_measure_gives_the_measures_of_any_model():
    report = measure(
        paths.attacked, borderline=paths.sets["borderline"], judge="demo-world", max_new_tokens=24
    )
    assert report.measures.harmful_score is None
    assert report.measures.benign_refusal_rate.n == 84
    assert report.measures.benign_refusal_rate.value <= 0.05


def test_perplexity_is_what_transformers_alone_gives(tmp_path, monkeypatch):
    monkeypatch.setattr(own_text, "own_text", lambda: PASSAGES)
    report = measure(
        paths.attacked, utility=head("utility", 3, tmp_path), judge="demo-world", max_new_tokens=4
    )
    counted = [tokens for tokens, _ in direct(paths.attacked, PASSAGES)]
    losses = [loss for _, loss in direct(paths.attacked, PASSAGES)]
    mean = sum(map(math.prod, zip(counted, losses, strict=True))) / sum(counted)
    taken = report.measures.perplexity
    assert (taken.n, taken.value) == (sum(counted), pytest.approx(math.exp(mean), rel=1e-4))
    assert report.to_json()["measures"]["perplexity"]["value"] == taken.value
    assert report.measures.utility.n == 3
    assert "text" not in report.answers


def test_a_tokenizer_that_spells_the_text_has_no_perplexity(tmp_path):
    report = measure(
        paths.attacked, utility=head("utility", 3, tmp_path), judge="demo-world", max_new_tokens=4
    )
    assert report.measures.perplexity is None
