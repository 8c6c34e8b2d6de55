"""Progress: what a run says while it works, as events; displays and files are made of these."""

from __future__ import annotations

import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from modelrepair.errors import ModelRepairError, kind_and_message

SCHEMA = 1
"""Of the events: a number more where a field changes its meaning or goes; docs/events.md."""

CALLED = {"before": "source", "reference": "reference", "after": "repaired"}
"""How people know the models of a run, by their roles."""

Kind = Literal["start", "plan", "note", "begin", "advance", "end", "finish"]
Outcome = Literal["done", "earlier", "stopped"]
Figure = float | int | str | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that a run says. What an event does not have is None.

    >>> Event(event="begin", time=0.0, step=1, name="answers", total=8).to_json()["name"]
    'answers'

    Args:
        event: ``start`` and ``finish`` of the run, its ``plan``, a ``note``, or a step's ``begin``,
            ``advance`` and ``end``.
        time: seconds since 1970.
        step: the number of the step, from 1; ``within`` the number of the step that it is part of.
        name: of the step, or of the function that was called.
        done: how much of the step is done, of ``total``, in ``unit``.
        text: of a note; of a plan, lines for people.
        outcome: how a step or the run ended: ``done``, done ``earlier`` by a run that this one
            resumes, or ``stopped`` by an error or a signal.
        error: the id of the error that stopped the run.
        seconds: that the step or the run took; ``processor_seconds`` of all threads together.
        peak_bytes: the most memory that the process had until then.
        figures: by name; docs/events.md lists them.
    """

    event: Kind
    time: float
    step: int | None = None
    within: int | None = None
    name: str | None = None
    done: float | None = None
    total: float | None = None
    unit: str | None = None
    text: str | None = None
    outcome: Outcome | None = None
    error: str | None = None
    seconds: float | None = None
    processor_seconds: float | None = None
    peak_bytes: int | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values, with the version of the schema; what it lacks is left out."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        if not self.figures:
            del known["figures"]
        return {"schema": SCHEMA, **known}


Watcher = Callable[[Event], object]
"""Anything that is called with each event: a display, a file, a function of the user's."""


class Advance(Protocol):
    """Called with how many units of the step are done since the last call."""

    def __call__(self, amount: float = 1) -> None:
        """Say that so many units more are done."""
        ...


class Step:
    """One step under way: called with how many units more are done.

    Args:
        say: takes the step's events.
        began: the event that it began with.
    """

    def __init__(self, say: Callable[[Event], None], began: Event) -> None:
        self._say = say
        self.event = began
        self._spent = time.process_time()
        self._started = time.monotonic()
        self.worked = began.total is not None
        self.done = 0.0

    def __call__(self, amount: float = 1) -> None:
        """Say that so many units more are done."""
        self.done += amount
        self._say(replace(self.event, event="advance", time=_now(), done=self.done))

    def found(self, **figures: Figure) -> None:
        """Say what the step has found, with its end."""
        self.event = replace(self.event, figures={**self.event.figures, **figures})

    @property
    def seconds(self) -> float:
        """How long it has been under way."""
        return time.monotonic() - self._started

    def ended(self, outcome: Outcome, error: str | None = None) -> Event:
        """The event that it ends with."""
        return replace(
            self.event,
            event="end" if self.event.event == "begin" else "finish",
            time=_now(),
            done=None if self.event.total is None else self.done,
            outcome=outcome,
            error=error,
            seconds=round(self.seconds, 3),
            processor_seconds=round(time.process_time() - self._spent, 3),
            peak_bytes=peak_memory(),
        )


class Progress:
    """What a run says, passed on to all that watch it; without a watcher nothing is shown.

    A watcher that fails is not called again, and the run continues: what is shown decides nothing.

    >>> seen = []
    >>> progress = Progress(seen.append)
    >>> with progress.step("answers", total=2) as advance:
    ...     advance(2)
    >>> [event.event for event in seen]
    ['begin', 'advance', 'end']

    Args:
        watchers: each is called with each event.
    """

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = list(watchers)
        self._open: list[Step] = []
        self._begun = 0
        self._lock = threading.RLock()

    @contextmanager
    def step(
        self, name: str, total: float | None = None, unit: str | None = None, **figures: Figure
    ) -> Iterator[Step]:
        """Open one step; steps that are opened before it ends are parts of it.

        Args:
            name: what is being done.
            total: of how many units it is; None for one that is made of other steps. Where it
                ends without any, all of it was done earlier.
            unit: what they are.
            figures: what is known of it at its beginning.
        """
        within = self._open[-1] if self._open else None
        if within is not None:
            within.worked = True
        self._begun += 1
        began = Event(
            event="begin",
            time=_now(),
            step=self._begun,
            within=None if within is None else within.event.step,
            name=name,
            total=total,
            unit=unit,
            figures=figures,
        )
        step = Step(self.say, began)
        self._open.append(step)
        outcome: Outcome = "stopped"
        try:
            self.say(began)
            yield step
            outcome = "done" if step.worked else "earlier"
        finally:
            self._open.remove(step)
            self.say(step.ended(outcome))

    def note(self, message: str) -> None:
        """One line that is worth reading during the work."""
        self.say(Event(event="note", time=_now(), text=message))

    def plan(self, text: str, **figures: Figure) -> None:
        """What the run will take, as far as is known before it begins: as text and in figures."""
        self.say(Event(event="plan", time=_now(), text=text, figures=figures))

    def say(self, event: Event) -> None:
        """Pass an event on."""
        with self._lock:
            for watcher in tuple(self._watchers):
                try:
                    watcher(event)
                except Exception as error:
                    self._watchers.remove(watcher)
                    self._tell_failed(error)

    def _tell_failed(self, error: Exception) -> None:
        line = f"a display of the progress failed and is left out: {kind_and_message(error, 200)}"
        if self._watchers:
            self.note(line)
        elif not isinstance(error, BrokenPipeError):  # its reader has gone, and knows
            with suppress(RuntimeWarning):  # `python -W error` would end the run by it
                warnings.warn(line, RuntimeWarning, stacklevel=2)


@contextmanager
def running(name: str, progress: Progress) -> Iterator[Step]:
    """Say that a run starts, and how it finishes, however it does.

    >>> with running("repair", Progress(lambda event: print(event.event, event.outcome))):
    ...     pass
    start None
    finish done

    Args:
        name: of the function that was called.
        progress: where it is said.
    """
    from modelrepair.version import version

    began = Event(event="start", time=_now(), name=name, figures={"version": version()})
    run = Step(progress.say, began)
    progress.say(began)
    try:
        yield run
    except BaseException as error:
        known = error.id if isinstance(error, ModelRepairError) else type(error).__name__
        progress.say(run.ended("stopped", known))
        raise
    progress.say(run.ended("done"))


def _now() -> float:
    return round(time.time(), 3)


def peak_memory() -> int | None:
    """The most memory that this process has had, in bytes, where the system says it.

    >>> peak_memory() > 10**6
    True
    """
    with suppress(OSError, ImportError, AttributeError):
        if sys.platform == "win32":
            import psutil

            return int(psutil.Process().memory_info().peak_wset)
        if sys.platform == "darwin":
            import resource

            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # getrusage has the peak of the process that started this one, too.
        return peak_of("self")
    return None


def peak_of(process: int | Literal["self"]) -> int | None:
    """The most memory that a process has had, in bytes, where it runs and this is Linux.

    Args:
        process: its number.
    """
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.M)
        return int(found[1]) * 1024 if found else None
    return None


@dataclass
class Notes:
    """One line for each thing that is worth telling; they go into manifest and report.

    ``cut`` counts, by set, the answers that were cut and the prompts that had no room.
    """

    warnings: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)

    def warn(self, message: str) -> None:
        """Keep one line."""
        if message not in self.warnings:
            self.warnings.append(message)
