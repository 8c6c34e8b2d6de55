"""One step of every defence on every architecture that the engine's tests know."""

from __future__ import annotations

import math

import pytest
import torch

from modelrepair_lab.defences import ldifs as module
from modelrepair_lab.defences.layers import find_layers
from modelrepair_lab.defences.ldifs import ldifs
from modelrepair_lab.defences.options import ALIGNING, Ldifs
from modelrepair_lab.defences.repnoise import differing, repnoise
from modelrepair_lab.defences.tar import Trial, tar
from modelrepair_lab.defences.vaccine import vaccine
from modelrepair_lab.training import collate, plain
from tests.support import tiny

BATCH = collate([([5, 6, 7, 8, 9], 2), ([11, 12, 13], 1)], 0, answers_only=True)
PAIRS = differing(
    [(([5, 6, 7, 8, 9], 2), ([5, 6, 20], 2)), (([11, 12, 13], 1), ([11, 15, 16], 1))], 0
)
STEPS = {
    "vaccine": (vaccine, BATCH),
    "repnoise": (repnoise, (BATCH, PAIRS)),
    "tar": (tar, Trial(BATCH, BATCH, [BATCH] * 8, BATCH)),
}
WITHOUT_MLP = ("mamba", "falcon_mamba", "mamba2")


@pytest.mark.slow
@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
@pytest.mark.parametrize("method", STEPS)
def test_a_step_gives_every_trained_block_a_gradient(method, kind):
    make, item = STEPS[method]
    model = tiny.model(kind).train()
    found = find_layers(model)
    assert found.attentions
    assert bool(found.mlps) == (kind not in WITHOUT_MLP)
    if method == "repnoise" and kind in WITHOUT_MLP:
        pytest.skip("it has no MLP, and is refused by name")
    loss = make(model, ALIGNING[method]())(model, item)
    assert torch.isfinite(loss)
    for layer in (*found.attentions, *found.mlps):
        gradients = [each.grad for each in layer.parameters() if each.grad is not None]
        assert gradients
        assert all(torch.isfinite(each).all() for each in gradients)
        assert any(each.abs().max() > 0 for each in gradients)


@pytest.mark.slow
@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
@pytest.mark.parametrize("variant", ["paper", "code"])
def test_ldifs_holds_what_has_moved(monkeypatch, variant, kind):
    if variant == "code" and kind in WITHOUT_MLP:
        pytest.skip("it has no MLP, and is refused by name")
    monkeypatch.setattr(module, "MOST", math.inf)
    model = tiny.model(kind)
    backward = ldifs(model, Ldifs(weight=10.0, variant=variant))
    assert float(backward(model, BATCH)) == pytest.approx(float(plain(model, BATCH)), abs=1e-5)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape))
    model.zero_grad()
    assert float(backward(model, BATCH)) > float(plain(model, BATCH)) + 1e-3
    found = [each.grad for each in model.parameters() if each.grad is not None]
    assert all(torch.isfinite(each).all() for each in found)
