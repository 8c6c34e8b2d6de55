"""How long a repair will take on this machine's processor: the work counted, the speed measured.

In processor seconds, those of all cores together: what other programs do at the same time changes
them little. Two figures, since no one knows beforehand how long answers get and how soon a search
arrives: the least that is to be done, and the most that may be.

The constants were measured with the events of repairs of models of 1, 14 and 57 million parameters
(`tests/preflight/test_speed.py` compares plan and run); each is a pair, for the least and the most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from modelrepair.evaluation.batch_rows import rows_together

FLOAT32 = 4
REACHED = (0.65, 0.4)
"""What the products of a pass reach of the speed of a large product alone."""
REACHED_ANSWERING = (0.5, 0.27)
"""The same for answers, where each matrix meets one token of each prompt."""
PARAMETER = (150, 450)
"""Bytes that move for each parameter that a pass reads, converts and checks."""
SCORED = ((50, 250), (350, 900))
"""Bytes more for each one that is scored, without and with gradients."""
CUT = (200, 500)
"""Bytes for each one that a candidate is cut from."""
CALL = (2e-3, 7e-3)
"""Seconds of a block and a batch in a pass, for anything at all, where `Speed.overhead` is 1."""
STEP = (0.5e-3, 1.3e-3)
"""Seconds of a block and a token of an answer, likewise."""
START = (2.5, 6.0)
"""Seconds for libraries, files, the card and its pictures, likewise."""
SHORT = 0.125
"""Answers of an aligned model are refusals, which end early: a part of the longest answer."""
INTERPRETED = 2.2e-3
"""Seconds that the machine of these figures took for the interpreter's part of the probe."""
ACCELERATORS = (Path("/dev/nvidia0"), Path("/dev/kfd"))


@dataclass(frozen=True)
class Speed:
    """What this machine does in a processor second.

    Args:
        operations: of float32, in a product of matrices.
        bytes: moved in memory.
        overhead: how much longer the interpreter takes than where the constants were measured.
    """

    operations: float
    bytes: float
    overhead: float = 1.0


@dataclass(frozen=True)
class Shape:
    """A model as far as its time goes: parameters in blocks and head, blocks, and its width.

    Args:
        context: tokens that it reads at most; None where that is not known.
    """

    inside: int
    head: int
    blocks: int
    token_budget: int = 2048
    hidden: int = 0
    context: int | None = None


@dataclass(frozen=True)
class WorkPart:
    """One part of the sets, in tokens.

    Args:
        prompts: how many are answered.
        asked: tokens of these prompts.
        followed: tokens of the utility examples, whose answers are followed at each measurement.
        text: tokens of the package's own text, likewise.
        screened: tokens of all examples whose answers are followed for a first look.
        lengths: how many different lengths the prompts have.
        longest: tokens of the longest prompt.
    """

    prompts: int = 0
    asked: int = 0
    followed: int = 0
    screened: int = 0
    lengths: int = 1
    longest: int = 0
    text: int = 0


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
        scale: how many real tokens there are for each one that was counted, least and most.
    """

    searches: Sequence[Search]
    models: int
    select: WorkPart
    report: WorkPart
    longest: int
    thought: int = 0
    scale: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Estimate:
    """Processor seconds of a repair, and what they are made of.

    Args:
        least: of all of it; ``most`` likewise.
        grounds: seconds, least and most, of the start, of one model that is measured, of one
            round of the dearest scorer, and of the answers of one candidate.
    """

    least: int
    most: int
    grounds: Mapping[str, tuple[float, float]]


def estimated(shape: Shape, job: Job, speed: Speed) -> Estimate:
    """The least and the most that a repair will take, with the grounds.

    >>> small = Shape(inside=10**8, head=3 * 10**7, blocks=30)
    >>> one = Job([Search(20_000, False)], 2, WorkPart(), WorkPart(300, 9_000, 20_000), 128)
    >>> made = estimated(small, one, Speed(1e11, 1e10))
    >>> made.least, made.most, made.grounds["start"]
    (402, 1373, (2.5, 6.0))

    Args:
        shape: of the model.
        job: the work.
        speed: of this machine.
    """
    (least, low), (most, high) = (_job(shape, job, speed, end) for end in (0, 1))
    grounds = {name: (low[name], high[name]) for name in low if high[name] > 0}
    return Estimate(math.ceil(least), math.ceil(most), grounds)


def _job(shape: Shape, job: Job, speed: Speed, end: int) -> tuple[float, dict[str, float]]:
    room = job.longest + job.thought
    longest = room if end else max(1, round(job.longest * SHORT))

    def real(tokens: int) -> int:
        return math.ceil(tokens * job.scale[end])

    def measured(part: WorkPart) -> float:
        followed = swept(shape, real(part.followed), speed, end)
        followed += swept(shape, part.text, speed, end)
        asked = replace(part, asked=real(part.asked), longest=real(part.longest))
        return followed + answered(shape, asked, longest, speed, end, room)

    start = START[end] * speed.overhead
    report, candidate = measured(job.report), measured(job.select)
    total, rounds = start + job.models * report, [0.0]
    for search in job.searches if end else job.searches[:1]:
        scored = swept(shape, real(search.tokens), speed, end, backward=search.backward)
        if search.tokens:
            moved = SCORED[search.backward][end]
            scored += moved * shape.inside / speed.bytes
        looked = swept(shape, real(job.select.screened), speed, end)
        cut = CUT[end] * shape.inside / speed.bytes if search.tokens else 0.0
        total += search.rounds[end] * scored
        total += max(1, search.screened[end]) * cut + search.screened[end] * looked
        total += search.answered[end] * candidate
        rounds.append(scored + cut + looked * bool(search.screened[end]))
    if any(search.answered[end] for search in job.searches):
        total += max(0, job.models - 1) * candidate  # the source's, the reference's
    grounds = {"start": start, "model": report, "round": max(rounds), "candidate": candidate}
    return total, grounds


def swept(
    shape: Shape, tokens: int, speed: Speed, end: int = 1, *, backward: bool = False
) -> float:
    """Seconds of one way of tokens through all blocks, one block in memory at a time.

    Backward, every block runs forward a second time, and its products twice for the gradients.

    Args:
        shape: of the model.
        tokens: of all examples.
        speed: of this machine.
        end: 0 for the least, 1 for the most.
        backward: whether gradients are taken.
    """
    if not tokens:
        return 0.0
    times, ways = (4, 2) if backward else (1, 1)
    parameters = shape.inside + shape.head
    batches = 2 + tokens // shape.token_budget  # of several sets, each with a rest
    computed = times * 2 * parameters * tokens / (REACHED[end] * speed.operations)
    read = ways * PARAMETER[end] * parameters / speed.bytes
    return computed + read + ways * batches * shape.blocks * CALL[end] * speed.overhead


def answered(
    shape: Shape, part: WorkPart, longest: int, speed: Speed, end: int = 1, room: int = 0
) -> float:
    """Seconds of generation: all prompts of a batch are one token further at each step.

    Args:
        shape: of the model.
        part: the prompts.
        longest: tokens of the longest reply.
        speed: of this machine.
        end: 0 for the least, 1 for the most.
        room: tokens that there is room for in a reply, by which prompts are put together.
    """
    if not part.prompts:
        return 0.0
    parameters = shape.inside + shape.head
    room = max(room, longest)
    tokens = part.asked // part.prompts + room
    batches = -(-part.prompts // rows_together(shape.blocks, shape.hidden, FLOAT32, tokens))
    if shape.context is not None and part.longest + room > shape.context:
        batches = max(batches, part.lengths)  # each prompt has the room that is left for it
        longest = min(longest, max(1, shape.context - part.asked // part.prompts))
    reached = REACHED_ANSWERING[end] * speed.operations
    computed = 2 * parameters * part.prompts / batches / reached
    moved = FLOAT32 * parameters * 2 / speed.bytes  # what is read alone takes as long as a copy
    step = max(computed, moved) + shape.blocks * STEP[end] * speed.overhead
    read = PARAMETER[end] * parameters / speed.bytes
    return 2 * parameters * part.asked / reached + batches * longest * step + read


@cache
def measured_speed() -> Speed:
    """Ask this machine: products of matrices, copies too large for a cache, and the interpreter.

    Once a process: a grid of repairs asks no more than one repair does.

    >>> measured_speed().operations > 1e8
    True
    """
    import numpy as np

    size, length = 768, 2**24
    matrix = np.ones((size, size), np.float32)
    memory, copied = np.ones(length, np.float32), np.empty(length, np.float32)
    product = min(_seconds(lambda: matrix @ matrix) for _ in range(4))
    copy = min(_seconds(lambda: np.copyto(copied, memory)) for _ in range(3))
    interpreted = min(_seconds(lambda: sum(each % 7 for each in range(50_000))) for _ in range(3))
    return Speed(2 * size**3 / product, 2 * FLOAT32 * length / copy, interpreted / INTERPRETED)


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
    started = time.process_time()
    work()
    # The clock of some systems is coarse.
    return max(time.process_time() - started, 1e-6)
