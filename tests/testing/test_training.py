"""The small model that a repairer is asked to train."""

from __future__ import annotations

import pytest
import torch

from modelrepair.testing.subject import open_subject
from modelrepair.testing.training import (
    FROZEN,
    LOOKS,
    _examples,
    declared_reference,
    first_training,
    trained,
)
from tests.support.broken_plugins.broken import named
from tests.support.broken_plugins.repairers import GOOD_TRAINING

LOOKS_AT_IT = (
    ("sets=sets, trains=True", "sets=sets, trains=True, reference=True"),
    (
        "            yield step",
        "            context.reference.values(NAMED)\n            yield step",
    ),
)
"""What makes the good training look at a reference."""


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


def test_a_reference_is_shown_where_the_spec_asks_for_it(install, tmp_path):
    code = GOOD_TRAINING
    for old, new in LOOKS_AT_IT:
        code = code.replace(old, new.replace("NAMED", "'lm_head.weight'"))
    install("broken-good", named(code, "good"))
    subject = open_subject("good", "repairer", folder=tmp_path / "work")
    assert first_training(subject).looked == {"lm_head.weight"}
    declared_reference(subject)


def test_without_a_reference_nothing_is_looked_at(subject):
    assert first_training(subject).looked == frozenset()
    declared_reference(subject)


def test_realign_and_refusal_share_prompts_and_no_answers():
    realign, refusal = _examples("realign"), _examples("refusal")
    for one, other in zip(realign, refusal, strict=True):
        assert one.ids[:3] == other.ids[:3] and one.ids != other.ids
