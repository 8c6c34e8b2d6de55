"""The checks of scorers."""

from __future__ import annotations

from modelrepair.testing.common import COMMON
from modelrepair.testing.scorers import CHECKS


def test_the_common_checks_come_first():
    assert CHECKS[: len(COMMON)] == COMMON
