"""Shows how far a stream of batches has come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from modelrepair import Progress

Item = TypeVar("Item")


def watched(
    stream: Iterable[Item], description: str, total: int, progress: Progress
) -> Iterator[Item]:
    """The same items, each of which advances a step of the progress when it has been used.

    >>> from modelrepair import Progress
    >>> list(watched([1, 2], "counting", 2, Progress()))
    [1, 2]
    """
    with progress.step(description, total) as advance:
        for item in stream:
            yield item
            advance()
