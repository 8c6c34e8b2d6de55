"""What a repairer is shown of the kit's matrices."""

from __future__ import annotations

import pytest
import torch

from modelrepair.testing.checks import NotApplicable
from modelrepair.testing.edits import show, works_on
from modelrepair.testing.subject import open_subject
from tests.support.broken_plugins.broken import named
from tests.support.broken_plugins.repairers import GOOD, GOOD_TRAINING


@pytest.fixture
def subject(install, tmp_path):
    install("broken-good", named(GOOD, "good"))
    return open_subject("good", "repairer", folder=tmp_path / "work")


def test_what_is_shown_is_made_anew(subject):
    first = show(subject)
    first.view.weight.zero_()
    assert not torch.equal(first.view.weight, show(subject).view.weight)
    assert torch.allclose(show(subject).edit(1.0), show(subject).view.reference)


def test_an_expert_is_shown_the_tokens_that_reach_it(subject):
    rare, common = (show(subject, "expert", number) for number in (2, 0))
    sums = [float(next(iter(each.statistics.states.values()))["sum"].sum()) for each in
            (rare, common)]  # fmt: skip
    assert 0 < sums[0] < sums[1]


def test_a_model_that_is_not_named_is_there_and_on_record(subject):
    shown = show(subject)
    assert shown.models["base"].shape == shown.view.weight.shape
    assert shown.models.names == {"base"}


def test_what_trains_is_shown_no_matrix(install, tmp_path):
    install("broken-good", named(GOOD_TRAINING, "good"))
    training = open_subject("good", "repairer", folder=tmp_path / "work")
    with pytest.raises(NotApplicable, match="it trains"):
        works_on("expert")(training)
