"""The checks of repairers."""

from __future__ import annotations

from modelrepair.testing.checks import Check
from modelrepair.testing.common import COMMON

CHECKS: tuple[Check, ...] = COMMON
"""All checks, in the order in which they are run."""
