"""Whether a check's message is one that the documentation shows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelrepair.testing.checks import Check


def is_shown(checks: Iterable[Check], id: str, reason: str) -> bool:
    """Whether the reason is what ``says`` of the check shows, … standing for what varies."""
    (check,) = (each for each in checks if each.id == id)
    shown = (re.escape(each).replace("…", ".+") for each in check.says.split(" · "))
    return any(re.fullmatch(pattern, reason) for pattern in shown)
