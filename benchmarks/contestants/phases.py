"""What a repair of ours took, phase by phase, by the events that it sends."""

from __future__ import annotations

from collections.abc import Iterable

from modelrepair.progress import Event

ALL = "all"
"""The name of the whole run among the phases."""


def phases(events: Iterable[Event]) -> dict[str, float]:
    """Processor seconds of the outer steps by name, and of the whole run.

    >>> steps = [Event(event="end", time=0, step=2, within=1, name="screen", processor_seconds=2.0),
    ...          Event(event="end", time=0, step=1, name="round", processor_seconds=3.0),
    ...          Event(event="finish", time=0, processor_seconds=4.0)]
    >>> phases(steps)
    {'round': 3.0, 'all': 4.0}

    Args:
        events: of one repair.
    """
    found: dict[str, float] = {}
    for event in events:
        name = ALL if event.event == "finish" else event.name
        if event.processor_seconds is not None and event.within is None and name is not None:
            found[name] = round(found.get(name, 0.0) + event.processor_seconds, 3)
    return found
