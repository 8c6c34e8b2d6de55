"""The checks of judges."""

from __future__ import annotations

from modelrepair.testing.common import COMMON
from modelrepair.testing.judges import CHECKS


def test_the_common_checks_come_first():
    assert CHECKS[: len(COMMON)] == COMMON
