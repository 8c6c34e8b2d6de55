"""The first lines of a repair, as a record and as text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from modelrepair.preflight.gpus import Gpu
from modelrepair.preflight.limits import Bounds
from modelrepair.text.units import counted, in_bytes, in_parameters, in_time

if TYPE_CHECKING:
    from modelrepair.preflight.refusals import Stopped

WIDTH, LABEL = 80, 11
GROUNDS = {
    "start": "start",
    "model": "each model measured",
    "round": "each round",
    "candidate": "each candidate's answers",
}
"""What the time is made of, in words."""
BY = {
    "user": "as you named it",
    "card": "named by the card",
    "adapter": "the adapter's base",
}


@dataclass(frozen=True)
class SetLine:
    """One example set: ``line`` is all of it in words; ``rows`` is None where not known."""

    set: str
    id: str
    origin: str
    commit: str | None
    licence: str | None
    commercial: bool
    rows: int | None
    line: str


@dataclass(frozen=True)
class Opening:
    """What is said before the first byte of weights.

    Args:
        refused: why it won't run, with the way on and the exit code; None where it will.
        source: id or name, and ``commit`` on the Hub; ``kind`` of model, ``type`` of its config.
        parameters: of the whole model; ``bytes`` of what is repaired; ``blocks`` repeated ones.
        coverage: share of the blocks' matrices that can be repaired.
        licence: as the card names it; ``terms`` are what it asks, and its base's, one line each.
        past: whether the source was repaired before, or may never have been aligned.
        reference: the aligned model and its ``reference_commit``; ``reference_by`` who named it.
        no_reference: why there is none.
        sets: the example sets.
        out: the output folder.
        target: where it is pushed, ``account`` by whom, ``visibility`` who will see it, ``exists``
            whether it is there already, ``there`` what becomes of what lies there.
        memory_least: bytes, one block at a time; ``memory_most`` where the whole model answers.
        seconds_least: of a processor, without downloads; None where an accelerator computes.
        seconds_grounds: what they are made of.
        bounds: the most rounds, candidates and answers.
        finished: whether the output holds this very repair already.
        counted: whether the sets were counted; else they count as full.
        open: what only measuring can show; empty where nothing is measured.
        ranks: processes that work together; ``exchanged_bytes`` travel between them in a round.
        gpus: of this machine, where the repair computes on one of them.
        others: the models of judge and repairer, one line each.
    """

    refused: Stopped | None
    source: str
    commit: str | None
    kind: str
    type: str | None
    parameters: int
    bytes: int
    blocks: int
    coverage: float
    licence: str
    terms: tuple[str, ...]
    past: tuple[str, ...]
    reference: str | None
    reference_commit: str | None
    reference_by: str | None
    no_reference: str | None
    sets: tuple[SetLine, ...]
    out: str
    target: str | None
    account: str | None
    visibility: str | None
    exists: bool | None
    there: tuple[str, ...]
    memory_least: int
    memory_most: int
    memory_free: int | None
    seconds_least: int | None
    seconds_most: int | None
    seconds_grounds: Mapping[str, tuple[float, float]]
    bounds: Bounds | None
    counted: bool
    finished: bool
    open: tuple[str, ...]
    ranks: int = 1
    exchanged_bytes: int = 0
    gpus: tuple[Gpu, ...] = ()
    others: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``plan --json`` has it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """All of it in lines of at most 80 columns, of which none breaks inside a word."""
        return [line for label, texts in self._parts() for line in _wrapped(label, texts)]

    def _parts(self) -> Iterator[tuple[str, Sequence[str]]]:
        if self.refused is not None:
            yield "Runs", [f"no: {self.refused.message}", self.refused.hint]
        else:
            share = f"{self.coverage:.1%}".replace("%", " %").replace(".0 ", " ")
            blocks = counted(self.blocks, "block")
            yield "Runs", [f"yes: {share} of the matrices in {blocks} can be repaired"]
        kind = self.kind if self.type is None else f"{self.kind} ({self.type})"
        size = f"{in_parameters(self.parameters)} parameters, {in_bytes(self.bytes)}"
        yield "Source", [f"{_at(self.source, self.commit)}: {kind}, {size}; {self.licence}"]
        if self.terms:
            yield "Licence", self.terms
        if self.past:
            yield "Note", self.past
        yield "Reference", [self._reference()]
        if self.others:
            yield "Models", self.others
        yield "Examples", [_set(each) for each in self.sets] or ["none is needed"]
        yield "Goes to", [self._destination(), *self.there]
        free = "" if self.memory_free is None else f"; {in_bytes(self.memory_free)} free"
        each = " a rank" if self.ranks > 1 else ""
        yield "Memory", [f"{_span(in_bytes, self.memory_least, self.memory_most)}{each}{free}"]
        if self.gpus:
            yield "GPUs", [self._gpu(each) for each in self.gpus]
        if self.ranks > 1:
            travels = f"about {in_bytes(self.exchanged_bytes)} travel to the first in a round"
            yield "Ranks", [f"{self.ranks}; {travels}"]
        yield "Time", [self._time()]
        yet = f"only measuring can show: {', '.join(self.open)}"
        yield "Open", [yet if self.open and not self.finished else "nothing is measured"]

    def _gpu(self, gpu: Gpu) -> str:
        free = f"{in_bytes(gpu.free_bytes)} of {in_bytes(gpu.total_bytes)} free"
        fits = "too small for one block at a time"
        if gpu.free_bytes >= self.memory_most:
            fits = "all of it fits"
        elif gpu.free_bytes >= self.memory_least:
            fits = "a block at a time fits, the whole model to answer does not"
        return f"{gpu.device}, {gpu.name}: {free}; {fits}" + "; not used" * (not gpu.used)

    def _reference(self) -> str:
        if self.reference is None:
            return f"none: {self.no_reference}"
        whose = BY[self.reference_by or "user"]
        unless = "; used if measuring finds it aligned" * (self.reference_by == "card")
        return f"{_at(self.reference, self.reference_commit)}, {whose}{unless}"

    def _destination(self) -> str:
        here = f"{self.out}, which holds this repair already" if self.finished else self.out
        if self.target is None:
            return here if self.finished else f"{here}, not pushed"
        state = "there already" if self.exists else "new"
        return f"{here}, then {self.target} ({state}, {self.visibility}), as {self.account}"

    def _time(self) -> str:
        if self.finished:
            return "none: nothing is computed again"
        most = ""
        if self.bounds is not None:
            full = "" if self.counted else " with full sets"
            most = (
                f"at most {counted(self.bounds.rounds, 'round')}, "
                f"{counted(self.bounds.candidates, 'candidate')}, "
                f"{counted(self.bounds.answers, 'answer')}{full}"
            )
        if self.seconds_least is None or self.seconds_most is None:
            return f"not known for this device; {most}"
        span = _span(in_time, self.seconds_least, self.seconds_most)
        grounds = [
            f"{name} {_span(in_time, math.ceil(least), math.ceil(longest))}"
            for each, name in GROUNDS.items()
            if self.seconds_grounds.get(each)
            for least, longest in [self.seconds_grounds[each]]
        ]
        parts = [f"{span} of processor time here", ", ".join(grounds), most]
        return "; ".join(part for part in parts if part)


def _set(each: SetLine) -> str:
    rest = each.line.removeprefix(f"{each.id}: ")
    return f"{each.set}: {rest if each.id == each.set else f'{each.id}, {rest}'}"


def _at(name: str, commit: str | None) -> str:
    return f"{name} at {commit[:12]}" if commit else name


def _span(shown: Callable[[int], str], least: int, most: int) -> str:
    """Two figures with a unit each, and one unit where both have the same."""
    low, high = shown(least), shown(most)
    if low == high:
        return high
    number, unit = low.split(" ", 1)
    # A time in two units ("1 min 51 s") has no number of its own.
    shared = " " not in unit and high.count(" ") == 1 and high.endswith(f" {unit}")
    return f"{number if shared else low} to {high}"


def _wrapped(label: str, texts: Sequence[str]) -> Iterator[str]:
    """A label with its texts beside it; an address longer than a line stays whole."""
    for number, text in enumerate(texts):
        yield from textwrap.wrap(
            text,
            WIDTH,
            initial_indent=(label if number == 0 else "").ljust(LABEL),
            subsequent_indent=" " * LABEL,
            break_long_words=False,
            break_on_hyphens=False,
        )
