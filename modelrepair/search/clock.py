"""How long a repair has been at work, over all its attempts, and when its search must end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from modelrepair.checkpoint.atomic import write_json
from modelrepair.settings.duration import seconds_of

CLOCK = "time.json"
"""In the working directory: the seconds of earlier attempts, and when this one began."""


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

    def left(self) -> float | None:
        """Seconds until the limit, for what shows them: what decides reads the time spent."""
        if self.limit is None:
            return None
        return max(0.0, self.limit - self.before - time.monotonic() + self.started)


def start_clock(folder: Path, limit: str | float | None, started: float) -> Clock:
    """The clock of a repair that begins, or that resumes an interrupted one.

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
