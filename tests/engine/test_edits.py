"""Tensors with new values, in the file's layout and dtype: one file of bits a tensor."""

from __future__ import annotations

import pytest
import torch

from modelrepair import load_manifest
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.demo import paths
from modelrepair.errors import PluginError
from tests.support.repairing import tensors


@pytest.mark.usefixtures("own_repairers")
def test_the_new_values_are_the_repairer_s_rounded_once(edit):
    out = edit().out
    source, reference, new = (tensors(f) for f in (paths.attacked, paths.reference, out))
    manifest = load_manifest(out)
    changed = {site.name for site in manifest.sites if site.masked}
    assert changed and not any("down_proj" in name for name in changed)
    assert len(manifest.sites) > len(changed)
    for name, old in source.items():
        if name in changed:
            middle = old.float() + 0.5 * (reference[name].float() - old.float())
            expected = torch.where(middle == old.float(), old, middle.bfloat16())
            assert torch.equal(new[name], expected), name
        else:
            assert torch.equal(new[name], old), name
    for site in manifest.sites:
        difference = new[site.name].float() - source[site.name].float()
        assert site.masked == int((difference != 0).sum())
        norm = float(difference.norm() / source[site.name].float().norm())
        assert site.norm_removed == pytest.approx(norm, rel=1e-4)
        assert (site.digest is not None) == (site.masked > 0)
    one, two = ((f / "model.safetensors").read_bytes() for f in (paths.attacked, out))
    start = min(entry.offset for entry in Checkpoint.open(paths.attacked).entries.values())
    assert len(one) == len(two) and one[:start] == two[:start]


@pytest.mark.usefixtures("own_repairers")
@pytest.mark.quick("shape-*", "nan-*")
@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("shape", r"gave shape \[1, \d+\], expected"),
        ("dtype", "gave torch.float64, expected torch.float32"),
        ("nan", "gave values that are not finite"),
        ("huge", "gave values too large for the file's BF16"),
        ("raise", "failed on .*: RuntimeError: out of paper"),
    ],
)
def test_a_broken_repairer_is_named(edit, fault, line):
    with pytest.raises(PluginError, match=f"repairer 'back' of test-repairs 1.0 {line}"):
        edit(repairer_options={"fault": fault})
