"""The frame of every public function that takes long: it says that it starts, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelrepair import ranks
from modelrepair.progress import Progress, Step, running
from modelrepair.text.displays import Watching, progress_of


@contextmanager
def telling(name: str, watching: Watching) -> Iterator[tuple[Progress, Step]]:
    """The progress of one call, and the call itself as a step, which takes what came of it.

    >>> with telling("verify", lambda event: print(event.event)) as (progress, run):
    ...     progress.note("half way")
    start
    note
    finish

    Args:
        name: of the function.
        watching: as its caller gave it.
    """
    progress = progress_of(None if ranks.launched() else watching)  # the first rank shows it
    with running(name, progress) as run:
        yield progress, run
