"""The small model that a repairer is asked to train."""

from __future__ import annotations

import pytest
import torch

from modelrepair.testing.subject import open_subject
from modelrepair.testing.training import FROZEN, LOOKS, first_training, trained
from tests.support.broken_plugins.broken import named
from tests.support.broken_plugins.repairers import GOOD_TRAINING


@pytest.fixture
def subject(install, tmp_path):
    install("broken-good", named(GOOD_TRAINING, "good"))
    return open_subject("good", "repairer", folder=tmp_path / "work")


def test_a_training_ends_when_the_model_was_looked_at(subject):
    found = first_training(subject)
    assert found.steps == tuple(range(1, LOOKS + 1))
    assert found.read == {"refusal"}
    assert first_training(subject) is found and trained(subject) is not found


def test_the_embedding_may_not_change_and_the_rest_may(subject):
    found = first_training(subject)
    fixed = found.before.keys() - found.trainable
    assert fixed and all(FROZEN in name for name in fixed)
    changed = {n for n in found.before if not torch.equal(found.before[n], found.after[n])}
    assert changed and changed <= found.trainable
