"""Steps in words: their figures, how far they are, and how they ended; at most one line each."""

from __future__ import annotations

from collections.abc import Mapping

from modelrepair.progress import Event, Figure
from modelrepair.text.units import in_bytes, in_time

RATES = {"harm": "harm", "benign_refusals": "benign refusals", "utility": "utility"}
"""Figures between 0 and 1, in the order of the line, by their names in an event."""


def share(value: float) -> str:
    """A share of the entries, with three digits that count.

    >>> share(0.01504), share(0.2022), share(0.000123)
    ('1.5%', '20.2%', '0.0123%')
    """
    return f"{100 * value:.3g}%"


def in_words(figures: Mapping[str, Figure]) -> str:
    """The figures of a step that people look at; nothing where it has none.

    >>> in_words({"harm": 0.03, "utility": 0.993}), in_words({"refusing": 0.62})
    ('harm 0.030, utility 0.993', 'refusals likelier for 62%')
    """
    said = [
        f"{words} {value:.3f}"
        for name, words in RATES.items()
        if isinstance(value := figures.get(name), float)
    ]
    refusing = figures.get("refusing")
    if "harm" not in figures and isinstance(refusing, float):
        said.insert(0, f"refusals likelier for {refusing:.0%}")
    return ", ".join(said)


def ended(event: Event) -> str:
    """The line that stays of a step.

    >>> ended(Event(event="end", time=0, name="writing", outcome="done", seconds=2.0))
    'writing: 2 s'
    >>> ended(Event(event="end", time=0, name="contrast, round 3", outcome="done", seconds=2.0,
    ...             figures={"masked": 0.015, "harm": 0.25}))
    'contrast, round 3 masks 1.5%: harm 0.250'

    Args:
        event: the end of the step.
    """
    name = event.name or ""
    for figure, does in (("masked", "masks"), ("changed", "changes")):
        if isinstance(value := event.figures.get(figure), float):
            name = f"{name} {does} {share(value)}"
    if event.outcome == "stopped":
        return f"{name}: stopped{_part(event)}"
    known = in_words(event.figures)
    if event.outcome == "earlier":
        return f"{name}: {known}, done earlier" if known else f"{name}: done earlier"
    return f"{name}: {known or in_time(event.seconds or 0)}"


def lines(event: Event) -> list[str]:
    r"""The text of an event: a plan has lines of ours, a note is one line whatever is in it.

    >>> lines(Event(event="plan", time=0, text="Runs  yes\nMemory  8 MB"))
    ['Runs  yes', 'Memory  8 MB']

    Args:
        event: with a text.
    """
    text = event.text or ""
    return text.split("\n") if event.event == "plan" else [text]


def heading(event: Event) -> str:
    """What is being done of what: the name of a step, its place, and the time left at most.

    >>> heading(Event(event="begin", time=0, name="contrast, round 3",
    ...               figures={"round": 3, "rounds": 41, "seconds_left_most": 720.0}))
    'contrast, round 3 of at most 41, at most 12 min left to search'

    Args:
        event: the beginning of the step.
    """
    said = event.name or ""
    most = event.figures.get("rounds")
    if most is not None:
        said = f"{said} of at most {most}"
    left = event.figures.get("seconds_left_most")
    return f"{said}, at most {in_time(left)} left to search" if isinstance(left, float) else said


def counted(event: Event) -> str:
    """How many units are done of how many; nothing where they are no things to count.

    >>> counted(Event(event="advance", time=0, done=3, total=768, unit="answers"))
    '3/768'
    """
    if event.total is None or event.unit is None:
        return ""
    done = event.done or 0
    if event.unit == "bytes":
        return f"{in_bytes(round(done))} of {in_bytes(round(event.total))}"
    return f"{done:,.0f}/{event.total:,.0f}"


def _part(event: Event) -> str:
    return f" at {event.done / event.total:.0%}" if event.done and event.total else ""
