"""What a mask acts on: factors, the delta from the reference, or the weights."""

from __future__ import annotations

import pytest

from modelrepair import verify
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths


@pytest.mark.quick("row-wanda", "global-gradient")
@pytest.mark.parametrize(
    ("scope", "scorer"), [("row", "wanda"), ("tensor", "magnitude"), ("global", "gradient")]
)
def test_a_weight_mask_has_the_exact_count_and_is_zero(quick_repair, scope, scorer):
    report = quick_repair(reference="none", scorer=scorer, scope=scope, ratio=0.02, protect=0.1)
    manifest = report.manifest
    assert (report.verdict, report.exit_code, manifest.subject) == ("unmeasured", 0, "weight")
    tensors = {entry.name: entry for entry in Checkpoint.open(report.out).entries.values()}
    total = sum(site.entries for site in manifest.sites)
    expected = {
        "row": sum(round(0.02 * site.shape[1]) * site.shape[0] for site in manifest.sites),
        "tensor": sum(round(0.02 * site.entries) for site in manifest.sites),
        "global": round(0.02 * total),
    }
    assert sum(site.masked for site in manifest.sites) == expected[scope]
    mask = open_mask(report.out / "repair" / "mask.safetensors")
    for name in mask.names:
        raw = Checkpoint.open(report.out).raw(name).reshape(-1)
        assert not raw[mask.positions(name, tensors[name].entries)].any()
    assert verify(report.out, source=paths.attacked).ok
