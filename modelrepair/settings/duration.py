"""A duration as it is typed: ``90``, ``30m``, ``2h``."""

from __future__ import annotations

import math
import re

from modelrepair.errors import UsageError

UNITS = {"h": 3600, "m": 60, "s": 1}
SPAN = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", re.I)


def seconds_of(text: str | float) -> float:
    """A span of time in seconds.

    >>> seconds_of("30m"), seconds_of("1h30m"), seconds_of("90s"), seconds_of(45)
    (1800.0, 5400.0, 90.0, 45.0)

    Raises:
        UsageError: it is none, or not above zero.
    """
    found = SPAN.fullmatch(str(text).strip())
    parts = found.groups(default="0") if found else ()
    seconds = sum(
        size * float(part) for size, part in zip(UNITS.values(), parts, strict=bool(parts))
    )
    if not 0 < seconds < math.inf:
        raise UsageError(
            f"{str(text)!r} is no span of time", hint="such as 30m, 2h, 1h30m, or seconds: 900"
        )
    return seconds
