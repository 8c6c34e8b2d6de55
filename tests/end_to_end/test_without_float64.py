"""A whole repair on a device that has no float64, as `--device mps` has none."""

from __future__ import annotations

from typing import Any

import pytest

from modelrepair import load_manifest, repair
from modelrepair.demo import paths
from tests.support.labelled_device import NAME, labelled_device
from tests.support.repairing import SETS

WAYS: dict[str, dict[str, Any]] = {
    "wanda weight": {"scorer": "wanda", "ratio": 0.05, "subject": "weight"},
    "contrast delta": {"scorer": "contrast", "ratio": 0.05, "subject": "delta"},
    "obs delta": {"scorer": "obs", "ratio": 0.05, "subject": "delta"},
    "safe-delta": {"repairer": "safe-delta", "strength": 0.5},
}


@pytest.fixture(autouse=True)
def core_alone():
    """Plug-ins of this repository are there too: they compute what no built-in scorer does."""


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_nothing_asks_the_device_for_float64(tmp_path, way):
    with labelled_device(float64=False):
        report = repair(
            paths.attacked,
            out=tmp_path / "out",
            reference=str(paths.reference),
            device=NAME,
            evaluate=False,
            examples=8,
            **WAYS[way],
            **{**SETS, "borderline": "none"},
        )
    assert report.verdict == "unmeasured"
    assert load_manifest(report.out).masked_share > 0
