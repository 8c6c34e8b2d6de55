"""How long a repair will take on this machine's processor: the work counted, the speed measured.

Two figures, since no one knows beforehand how long answers get and how soon a search arrives: the
least that is to be done, and the most that may be.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelrepair.evaluation.batch_rows import rows_together

FLOAT32 = 4
CALL = 3e-4
"""Seconds that a block takes for anything at all, measured on the demo's model."""
EFFICIENCY = (1.0, 0.5)
"""What matrix products inside a model reach of the speed of a large one alone: best and worst."""
SHORT = 0.25
"""Answers of an aligned model are refusals, which end early: a part of the longest answer."""
ACCELERATORS = (Path("/dev/nvidia0"), Path("/dev/kfd"))


@dataclass(frozen=True)
class Speed:
    """What this machine does in a second: float32 operations, and bytes moved in memory."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Shape:
    """A model as far as its time goes: parameters in blocks and head, blocks, and its width."""

    inside: int
    head: int
    blocks: int
    token_budget: int = 2048
    hidden: int = 0


@dataclass(frozen=True)
class WorkPart:
    """One part of the sets, in tokens.

    Args:
        prompts: how many are answered.
        asked: tokens of these prompts.
        followed: tokens of the utility examples, whose answers are followed at each measurement.
        screened: tokens of all examples whose answers are followed for a first look.
    """

    prompts: int = 0
    asked: int = 0
    followed: int = 0
    screened: int = 0


@dataclass(frozen=True)
class Search:
    """One scorer's work: tokens that it scores, how often, and the points that are looked at."""

    tokens: int
    backward: bool
    rounds: tuple[int, int] = (1, 1)
    screened: tuple[int, int] = (0, 0)
    answered: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Job:
    """What a repair does: searches, one after the other until one arrives, and measurements.

    Args:
        searches: the first is done at least, all of them at most.
        models: how many are measured: source and result, and the reference where there is one.
        select: what candidates are looked at with; ``report`` what is reported on.
        longest: tokens of an answer.
        thought: tokens of the longest thought before it; 0 where the model has no marks for one.
    """

    searches: Sequence[Search]
    models: int
    select: WorkPart
    report: WorkPart
    longest: int
    thought: int = 0


def seconds(shape: Shape, job: Job, speed: Speed) -> tuple[int, int]:
    """The least and the most that a repair will take.

    >>> small = Shape(inside=10**8, head=3 * 10**7, blocks=30)
    >>> one = Job([Search(20_000, False)], 2, WorkPart(), WorkPart(300, 9_000, 20_000), 128)
    >>> seconds(small, one, Speed(1e11, 1e10))
    (255, 810)
    """
    least, most = (_job(shape, job, _slower(speed, end), end) for end in (0, 1))
    return math.ceil(least), math.ceil(most)


def _slower(speed: Speed, end: int) -> Speed:
    return Speed(EFFICIENCY[end] * speed.operations, speed.bytes)


def _job(shape: Shape, job: Job, speed: Speed, end: int) -> float:
    room = job.longest + job.thought
    longest = room if end else max(1, round(job.longest * SHORT))

    def measured(part: WorkPart) -> float:
        return swept(shape, part.followed, speed) + answered(shape, part, longest, speed, room)

    total = job.models * measured(job.report)
    for search in job.searches if end else job.searches[:1]:
        once = swept(shape, search.tokens, speed, backward=search.backward)
        total += search.rounds[end] * once
        total += search.screened[end] * swept(shape, job.select.screened, speed)
        total += search.answered[end] * measured(job.select)
    if any(search.answered[end] for search in job.searches):
        total += max(0, job.models - 1) * measured(job.select)  # the source's, the reference's
    return total


def swept(shape: Shape, tokens: int, speed: Speed, *, backward: bool = False) -> float:
    """Seconds of one way of tokens through all blocks, one block in memory at a time.

    Backward, every block runs forward a second time, and its products twice for the gradients.
    """
    if not tokens:
        return 0.0
    times = 4 if backward else 1
    parameters = shape.inside + shape.head
    batches = -(-tokens // shape.token_budget)
    computed = 2 * parameters * tokens / speed.operations + FLOAT32 * parameters / speed.bytes
    return times * (computed + batches * shape.blocks * CALL)


def answered(shape: Shape, part: WorkPart, longest: int, speed: Speed, room: int = 0) -> float:
    """Seconds of generation: all prompts of a batch are one token further at each step.

    Args:
        shape: of the model.
        part: the prompts.
        longest: tokens of the longest reply.
        speed: of this machine.
        room: tokens that there is room for in a reply, by which prompts are put together.
    """
    if not part.prompts:
        return 0.0
    parameters = shape.inside + shape.head
    tokens = part.asked // part.prompts + max(room, longest)
    batches = -(-part.prompts // rows_together(shape.blocks, shape.hidden, FLOAT32, tokens))
    computed = 2 * parameters * part.prompts / batches / speed.operations
    step = max(computed, FLOAT32 * parameters / speed.bytes) + shape.blocks * CALL
    return 2 * parameters * part.asked / speed.operations + batches * longest * step


def measured_speed() -> Speed:
    """Ask this machine: products of matrices, and copies too large for a cache.

    >>> measured_speed().operations > 1e8
    True
    """
    import numpy as np

    size, length = 768, 2**24
    matrix = np.ones((size, size), np.float32)
    memory, copied = np.ones(length, np.float32), np.empty(length, np.float32)
    product = min(_seconds(lambda: matrix @ matrix) for _ in range(4))
    copy = min(_seconds(lambda: np.copyto(copied, memory)) for _ in range(3))
    return Speed(2 * size**3 / product, 2 * FLOAT32 * length / copy)


def accelerated(device: str, nodes: Sequence[Path] = ACCELERATORS) -> bool:
    """Whether a repair on this device runs on something whose speed can't be measured here.

    >>> accelerated("cuda:1"), accelerated("cpu"), accelerated("auto", [Path("/nowhere")])
    (True, False, False)

    Args:
        device: as it was asked for.
        nodes: files of which one is there where the machine has a GPU.
    """
    return any(node.exists() for node in nodes) if device == "auto" else device != "cpu"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
