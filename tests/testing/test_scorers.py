"""The built-in scorers pass the kit, as any plug-in must."""

from __future__ import annotations

import pytest

from modelrepair.testing import ScorerConformance
from modelrepair.testing.common import COMMON
from modelrepair.testing.scorers import CHECKS


class TestWanda(ScorerConformance):
    name = "wanda"


class TestWandaMean(ScorerConformance):
    name = "wanda"
    options = {"norm": "mean", "tokens": "answer"}  # noqa: RUF012


class TestMagnitude(ScorerConformance):
    name = "magnitude"


class TestGradient(ScorerConformance):
    name = "gradient"


class TestGradientAbs(ScorerConformance):
    name = "gradient"
    options = {"reduce": "abs"}  # noqa: RUF012


class TestContrast(ScorerConformance):
    name = "contrast"


class TestContrastEta(ScorerConformance):
    name = "contrast"
    options = {"eta": 0.5, "benign": "log-odds"}  # noqa: RUF012


def test_the_common_checks_come_first():
    assert CHECKS[: len(COMMON)] == COMMON


@pytest.mark.parametrize(
    "asked",
    [
        *("cheap-import", "registered-once", "documented", "shape", "dtype", "finite"),
        *("batch-order", "batch-split", "adds-up", "reads", "deterministic", "no-random"),
        *("no-writes", "in-place", "works-on-factor", "works-on-delta", "works-on-weight"),
        *("works-on-expert", "works-on-conv1d", "works-on-tied", "zero-input", "resume"),
        *("nbytes", "options", "gradients-flag", "hook-arguments"),
    ],
)
def test_nothing_that_was_asked_for_is_missing(asked):
    assert asked in {check.id for check in CHECKS}
