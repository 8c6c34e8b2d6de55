"""A whole repair on a device that has no float64, as `--device mps` has none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair.artifact.reading import load_manifest

WAYS = (
    ("scorer", "wanda", "weight"),
    ("scorer", "contrast", "delta"),
    ("scorer", "obs", "delta"),
    ("repairer", "safe-delta"),
)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_nothing_asks_the_device_for_float64(tmp_path, way):
    command = [sys.executable, "-m", "tests.support.fix_without_float64", tmp_path / "out", *way]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.stdout == "unmeasured\n", ended.stderr
    assert load_manifest(tmp_path / "out").masked_share > 0
