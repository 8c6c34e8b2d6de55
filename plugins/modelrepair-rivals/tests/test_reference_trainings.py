"""The repairers that train with the reference work on every architecture of the engine's tests."""

from __future__ import annotations

import pytest
import torch

from modelrepair_rivals.direction import DirectionAlign
from modelrepair_rivals.masking import Somf
from modelrepair_rivals.options import DirectionOptions, MaskOptions
from tests.support import tiny
from tests.support.trainings import context_of, examples, tuned_and_aligned

SETS = {
    role: examples(6, answers) for answers, role in enumerate(("realign", "refusal", "utility"))
}
REPAIRERS = {
    "somf": (Somf, MaskOptions(steps=2, every=1, batches=1)),
    "direction-align": (DirectionAlign, DirectionOptions(steps=2, every=2, warmup=0, share=0.01)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REPAIRERS)
@pytest.mark.parametrize("kind", tiny.QUICK)
def test_only_what_may_change_goes_towards_the_reference(kind, name):
    make, options = REPAIRERS[name]
    model, aligned = tuned_and_aligned(kind)
    before = {each: value.detach().clone() for each, value in model.named_parameters()}
    free = {each for each, value in model.named_parameters() if value.requires_grad}
    assert list(make(options).train(context_of(model, aligned, SETS)))[-1] == 2
    taken = 0
    for each, value in model.named_parameters():
        assert torch.isfinite(value).all()
        changed = value.detach() != before[each]
        assert not changed.any() or each in free
        # Of a mask the entries that are left out; of a direction all that it changes.
        taken += int((changed & (value.detach() == aligned.get_parameter(each))).sum())
    assert taken > 0
