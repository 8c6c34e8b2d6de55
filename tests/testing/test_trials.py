"""A scorer under test is made and asked as a repair makes and asks it."""

from __future__ import annotations

import pytest
import torch

from modelrepair.errors import PluginError
from modelrepair.testing.checks import NotApplicable
from modelrepair.testing.subject import open_subject
from modelrepair.testing.trials import accumulators, difference, home, make, score, sets_of


def test_wanda(tmp_path):
    subject = open_subject("wanda", options={"norm": "mean"}, folder=tmp_path)
    matrix = subject.once(home)
    assert matrix.layout == "weight"
    assert sets_of(subject, "weight") == {"realign": "pairs"}
    ((name, accumulator),) = subject.once(accumulators)
    assert (name, accumulator.norm) == ("realign", "mean")
    scores = score(subject, matrix)
    norms = scores / matrix.view().subject.abs()
    torch.testing.assert_close(norms, norms[:1].expand_as(norms))


def test_a_scorer_without_statistics(tmp_path):
    subject = open_subject("magnitude", folder=tmp_path)
    with pytest.raises(NotApplicable, match="needs no statistics"):
        subject.once(accumulators)
    assert torch.equal(score(subject, subject.once(home)), subject.once(home).view().subject.abs())


def test_scores_are_checked_as_in_a_repair(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "class Mine:\n"
        "    sets, needs = {}, {}\n"
        "    def __init__(self, options, subject_kind): pass\n"
        "    def score(self, view, statistics): return view.subject[0]\n"
    )
    subject = open_subject(f"{path}:Mine", "scorer", folder=tmp_path)
    assert make(subject, "factor").needs == {}
    with pytest.raises(PluginError, match=r"gave shape \[8\], expected \[6, 8\]"):
        score(subject, subject.once(home))


def test_the_difference_is_a_share_of_the_largest():
    assert difference(torch.zeros(2), torch.zeros(2)) == 0
    assert difference(torch.tensor([4.0, 0.0]), torch.tensor([4.0, 1.0])) == 0.25
    assert difference(torch.zeros(0), torch.zeros(0)) == 0
