"""What a repairer sees and what it gives: new values for whole matrices, or a trained model."""

from __future__ import annotations

import pytest
import torch

from modelrepair import load_manifest, verify
from modelrepair.demo import paths
from tests.support.repairing import tensors


@pytest.mark.usefixtures("own_repairers")
def test_a_training_is_plain_descent_on_the_file_s_tensors(edit):
    report = edit(repairer="tune", strength=2, reference="none")
    manifest = load_manifest(report.out)
    assert (manifest.repairer.trains, manifest.repairer.strength) == (True, 2.0)
    assert verify(report.out, source=paths.attacked).ok
    assert "which trained the model" in (report.out / "README.md").read_text()
    old, new = tensors(paths.attacked), tensors(report.out)
    names = {site.name for site in manifest.sites}
    assert all(torch.equal(old[name], new[name]) for name in old.keys() - names)
    assert any(not torch.equal(old[name], new[name]) for name in names)
