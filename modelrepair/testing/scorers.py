"""The checks of a scorer."""

from __future__ import annotations

from modelrepair.testing.checks import Check
from modelrepair.testing.common import COMMON
from modelrepair.testing.scorer_scores import SCORES
from modelrepair.testing.scorer_statistics import STATISTICS

CHECKS: tuple[Check, ...] = (*COMMON, *STATISTICS, *SCORES)
"""All checks, in the order in which they are run."""
