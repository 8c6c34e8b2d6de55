"""Magnitude against its definition."""

from __future__ import annotations

import torch

from modelrepair.scorers.magnitude import Magnitude
from tests.support.linear_model import problem, statistics_of, view


def test_the_score_is_the_subject_s_size():
    _, subject = problem()
    scorer = Magnitude(None, "weight")
    assert dict(scorer.needs) == {}
    scores = scorer.score(view(subject), statistics_of(scorer, {}))
    assert scores.tolist() == [[abs(x) for x in row] for row in subject.tolist()]
    delta = scorer.score(view(subject, reference=2 * subject, kind="delta"), None)
    assert torch.allclose(delta, scores)
