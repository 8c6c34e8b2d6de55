"""How long a repair has been at work, over all its attempts, and when its search must end."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from modelrepair.checkpoint.writer import write_json
from modelrepair.errors import UsageError

CLOCK = "time.json"
"""In the working directory: the seconds of earlier attempts, and when this one began."""
UNITS = {"h": 3600, "m": 60, "s": 1}
SPAN = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", re.I)


@dataclass(frozen=True)
class Clock:
    """The time of a repair.

    Args:
        limit: seconds after which no further round or candidate is begun; None for no limit.
        before: seconds of earlier attempts that were interrupted.
        started: when this attempt began, by the monotonic clock.
    """

    limit: float | None = None
    before: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def spent(self) -> float:
        """Seconds at work until now."""
        return self.before + time.monotonic() - self.started


def start_clock(folder: Path, limit: str | float | None, started: float) -> Clock:
    """The clock of a repair that begins, or that goes on with what was interrupted.

    An attempt may have ended without a word: it lasted from its beginning to the last file that
    it wrote.

    Args:
        folder: the working directory, where the time is kept.
        limit: as for `seconds_of`; None for no limit.
        started: when this attempt began, by the monotonic clock.
    """
    known, now = folder / CLOCK, time.time()
    before = 0.0
    if known.exists():
        kept = json.loads(known.read_bytes())
        last = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
        before = kept["before"] + max(0.0, last - kept["began"])
    began = now - (time.monotonic() - started)
    write_json(known, {"before": before, "began": began})
    return Clock(None if limit is None else seconds_of(limit), before, started)


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
