"""What a repair will take and what would stop it, from names, shapes and sizes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair import ranks
from modelrepair.checkpoint.blocks import blocks_of, factors_of, is_matrix, kinds_of, skipped_in
from modelrepair.checkpoint.config import (
    BLOCK_COUNTS,
    CONTEXTS,
    HEAD_SIZES,
    HEADS,
    HIDDEN_SIZES,
    KEY_HEADS,
    VOCABULARIES,
    check_counts,
    number,
    of_text,
    read_config,
)
from modelrepair.checkpoint.coverage import MINIMUM_COVERAGE
from modelrepair.checkpoint.reader import Checkpoint, TensorEntry
from modelrepair.errors import ResourceError
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.gpus import Gpu
from modelrepair.preflight.other_models import OtherModel, check_memory, most_memory
from modelrepair.preflight.refusals import Stopped
from modelrepair.preflight.sizes import (
    FLOAT32,
    LIBRARIES,
    block_memory,
    cache_memory,
    exchanged,
    free_disk,
    free_memory,
    head_memory,
    tokens_of,
)
from modelrepair.source.forms import NO_TEXT
from modelrepair.source.headers import headers
from modelrepair.source.kinds import NO_MATRIX, look_at
from modelrepair.source.look import ModelKind
from modelrepair.source.resolve import Source
from modelrepair.text.display import Glance, Glanced
from modelrepair.text.units import in_bytes

if TYPE_CHECKING:
    from modelrepair.preflight.limits import Bounds
    from modelrepair.preflight.opening import Opening
    from modelrepair.preflight.target import HubPlan

NO_FACTOR = "no factor of a linear layer in the blocks, by its name"


@dataclass(frozen=True)
class Pass:
    """One set's way through the model, once a round."""

    set: str
    examples: int
    tokens: int
    backward: bool


@dataclass(frozen=True, repr=False)
class Plan(Glanced):
    """What a repair will take; every number of tokens and bytes is an estimate.

    Args:
        source: id or name of the model; ``commit`` on the Hub or None.
        parameters: in the whole checkpoint; ``block_parameters`` in the blocks' matrices,
            ``other_parameters`` in everything else.
        kinds: projection → parameters of the blocks' matrices of that name.
        coverage: share of the blocks' matrices that can be repaired, by their names.
        skipped: tensor name → why it can't.
        dtypes: dtype → parameters.
        blocks: how many; ``hidden_size`` and ``vocabulary`` as their names say; ``context`` the
            most tokens that it reads, where its config says so.
        passes: what every round takes.
        rounds: "1", or "several" for an iterative scorer.
        peak_bytes: memory of the process in a pass, one block at a time, float32, with its
            libraries; of a training, as many copies of the model as it holds.
        generation_bytes: the same in generation, which takes the whole model, float32, and the
            keys and values of the longest answers at most; 0 where nothing is measured.
        output_bytes: the repaired model on disk; ``work_bytes`` what lies beside it for a time.
        memory_found_bytes: free now, or None where not known; ``disk_found_bytes`` likewise.
        notes: one line each.
        refused: why the model can't be repaired; empty where it can.
        kind: what kind of model it is, and the way on where it can't be repaired.
        seconds_least: processor seconds of this machine, of all cores together, that the work
            takes at least, without downloads; ``seconds_most`` at most. None where an accelerator
            computes.
        seconds_grounds: what they are made of, least and most: the start, one model measured, one
            round, the answers of one candidate.
        bounds: the most rounds, candidates and answers that the repair takes.
        left_behind: files of the source that the result will not hold, with the reason.
        hub: what comes down and goes up, and where to, where the Hub is asked for anything.
        error: what `fix` would refuse before it reads a weight; None where it would begin.
        opening: the first lines of `fix`, as fields.
        finished: whether the output holds this very repair already.
        ranks: processes that work together; ``exchanged_bytes`` is what they send each other in a
            round.
        gpus: of this machine, where the repair computes on one of them.
        token_bytes: keys and values of one token in generation, in all blocks.
        others: the models of judge and repairer.
    """

    source: str
    commit: str | None
    parameters: int
    block_parameters: int
    other_parameters: int
    kinds: Mapping[str, int]
    coverage: float
    skipped: Mapping[str, str]
    dtypes: Mapping[str, int]
    blocks: int
    hidden_size: int
    vocabulary: int
    passes: tuple[Pass, ...]
    rounds: str
    peak_bytes: int
    generation_bytes: int
    output_bytes: int
    work_bytes: int
    memory_found_bytes: int | None
    disk_found_bytes: int | None
    notes: tuple[str, ...]
    refused: tuple[str, ...]
    kind: ModelKind
    context: int | None = None
    seconds_least: int | None = None
    seconds_most: int | None = None
    seconds_grounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    bounds: Bounds | None = None
    left_behind: Mapping[str, str] = field(default_factory=dict)
    hub: HubPlan | None = None
    error: Stopped | None = None
    opening: Opening | None = None
    finished: bool = False
    ranks: int = 1
    exchanged_bytes: int = 0
    gpus: tuple[Gpu, ...] = ()
    token_bytes: int = 0
    others: tuple[OtherModel, ...] = ()

    @property
    def exit_code(self) -> int:
        """What `fix` would end with before it reads a weight, else 0."""
        return 0 if self.error is None else self.error.exit_code

    def glance(self) -> Glance:
        """Whether it will run, and what it takes."""
        memory = max(self.peak_bytes, self.generation_bytes, most_memory(self.others))
        facts = {
            "stops at": None if self.error is None else self.error.message,
            "commit": self.commit,
            "parameters": f"{self.parameters:,}",
            "coverage": f"{self.coverage:.1%}",
            "memory": in_bytes(memory),
            "disk": in_bytes(self.output_bytes + self.work_bytes),
            "seconds": None if self.seconds_most is None else f"{self.seconds_most:,} at most",
            "notes": len(self.notes) or None,
        }
        runs = "can be repaired" if self.error is None else "can't be repaired so"
        return Glance(f"Plan: {self.source} {runs}", facts)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values, in this order."""
        document = {**asdict(self), "left_behind": dict(self.left_behind)}
        if self.error is None:
            del document["error"]
        return document


def plan_model(
    source: Source,
    demand: Demand,
    *,
    base: Source | None = None,
    out: Path | None = None,
    gpus: tuple[Gpu, ...] = (),
    read: Callable[[Source], Checkpoint] = headers,
) -> Plan:
    """Look at a model's config and headers and say what repairing it will take.

    >>> plan_model(resolve("./model"), Demand()).blocks  # doctest: +SKIP
    24

    Args:
        source: where the model's files are; of a source without weights on disk
            (``resolve(id, weights=False)``) the headers are read from the Hub.
        demand: what the run asks of it.
        base: what the source adapts, where it is an adapter.
        out: where the result will lie; the working folder where not given.
        gpus: of this machine, where the repair computes on one.
        read: gives the headers of a model's weights.

    Raises:
        UnsupportedModelError: there are no weights or no config that could be looked at.
        DamagedCheckpointError: a file is missing or cut short.
    """
    looks = [look_at(source, read=read)]
    looks += [] if base is None else [look_at(base, "--base", read=read)]
    kind = next((kind for kind, _ in looks if kind.why is not None), looks[0][0])
    own, checkpoint = looks[0][1], looks[-1][1]
    if own is None or checkpoint is None:
        kind.check()
    assert own is not None and checkpoint is not None, "what has no headers was refused"
    factors = own if base is not None and not demand.merge else None
    config = read_config((base or source).folder)
    text = of_text(config)
    entries = tuple(checkpoint.entries.values())
    check_counts(config, entries)
    blocks = blocks_of(entries, number(text, BLOCK_COUNTS))
    matrices = [entry for block in blocks for entry in block if is_matrix(entry)]
    skipped = {name: why for block in blocks for name, why in skipped_in(block).items()}
    if factors is not None:
        matrices = factors_of(factors.entries.values())
        kept = {entry.name for entry in matrices}
        skipped = {name: NO_FACTOR for name in factors.entries if name not in kept}
    in_matrices = sum(entry.entries for entry in matrices)
    covered = sum(entry.entries for entry in matrices if entry.name not in skipped)
    if not covered and kind.why is None:
        kind = ModelKind(kind.name, NO_MATRIX, NO_TEXT)
    changed = entries if factors is None else tuple(factors.entries.values())
    total = sum(entry.entries for entry in {*entries, *changed})
    hidden, vocabulary = number(text, HIDDEN_SIZES), number(text, VOCABULARIES)
    passes = tuple(
        Pass(name, len(examples), tokens_of(examples, demand.max_length), demand.gradients)
        for name, examples in demand.sets.items()
    )
    stored = len(blocks) + 1 if demand.gradients else 1
    hidden_states = stored * sum(each.tokens for each in passes) * hidden * FLOAT32
    # An iterative scorer may need those of the last round, too: rounds with momentum.
    spilled = demand.scores * covered * FLOAT32 * (1 + demand.iterative)
    head = (
        head_memory(vocabulary, hidden, demand.token_budget, demand.max_length)
        if demand.gradients | demand.evaluate
        else 0
    )
    summed = blocks, len(passes), demand.gradients, None if factors is None else matrices
    made = Plan(
        source=source.id or source.name,
        commit=source.commit,
        parameters=total,
        block_parameters=in_matrices,
        other_parameters=total - in_matrices,
        kinds=kinds_of(matrices),
        coverage=covered / in_matrices if in_matrices else 0.0,
        skipped=skipped,
        dtypes=_dtypes(entries),
        blocks=len(blocks),
        hidden_size=hidden,
        vocabulary=vocabulary,
        passes=passes,
        rounds="several" if demand.iterative else "1",
        peak_bytes=LIBRARIES
        + max(
            block_memory(
                *summed, min(demand.token_budget, max((each.tokens for each in passes), default=0))
            ),
            head,
            0 if gpus else demand.copies * total * FLOAT32,
        ),
        ranks=ranks.expected(),
        exchanged_bytes=exchanged(*summed),
        generation_bytes=LIBRARIES + total * FLOAT32 if demand.answered else 0,
        output_bytes=sum(entry.nbytes for entry in changed),
        work_bytes=hidden_states + spilled + demand.merge * sum(entry.nbytes for entry in entries),
        memory_found_bytes=free_memory(),
        disk_found_bytes=free_disk(out or Path()),
        notes=(),
        refused=() if kind.why is None else (kind.why,),
        kind=kind,
        context=number(text, CONTEXTS) or None,
        gpus=gpus,
        token_bytes=2 * len(blocks) * _keys(text, hidden) * FLOAT32,
    )
    return replace(made, notes=tuple(_notes(made)))


def with_answers(plan: Plan, prompts: int, tokens: int) -> Plan:
    """A plan whose memory counts the keys and values of answers, as long as they may get.

    Args:
        plan: without.
        prompts: how many are answered.
        tokens: of the longest prompt with its answer, and with its thought where there may be one.
    """
    if not plan.generation_bytes:
        return plan
    seen = min(tokens, plan.context or tokens)
    # How many are answered at a time is decided by all the tokens that there would be room for.
    cache = cache_memory(plan.blocks, plan.hidden_size, plan.token_bytes, prompts, tokens)
    made = replace(plan, generation_bytes=plan.generation_bytes + cache * seen // tokens)
    return replace(made, notes=tuple(_notes(made)))


def check_plan(plan: Plan) -> None:
    """Stop now where the repair would have to stop later.

    Args:
        plan: what the function of that name found.

    Raises:
        UnsupportedModelError: the model can't be repaired.
        ResourceError: memory or disk will not do.
    """
    plan.kind.check()
    memory, by, less = plan.peak_bytes * _sharing(plan), "", ""
    if _sharing(plan) > 1:
        by, less = f" by {_sharing(plan)} ranks on this machine", "start fewer ranks, "
    if plan.memory_found_bytes is not None and memory > plan.memory_found_bytes:
        raise ResourceError(
            f"about {in_bytes(memory)} of memory are needed{by}, "
            f"{in_bytes(plan.memory_found_bytes)} are free",
            hint=f"{less}close other programs, lower --max-length, or take a larger machine",
            id="not-enough-memory",
        )
    check_memory(plan.others, plan.memory_found_bytes, ranks.expected_here())
    needed = plan.output_bytes + plan.work_bytes
    if plan.disk_found_bytes is not None and needed > plan.disk_found_bytes:
        raise ResourceError(
            f"about {in_bytes(needed)} of disk are needed, "
            f"{in_bytes(plan.disk_found_bytes)} are free",
            hint="free disk space, give --out on another disk, or lower --examples",
            id="not-enough-disk",
        )


def _sharing(plan: Plan) -> int:
    """How many ranks share the memory of this machine; a GPU has its own."""
    return 1 if plan.gpus else ranks.expected_here()


def _keys(text: Mapping[str, Any], hidden: int) -> int:
    """How many numbers the keys of a token have in a block: heads may share some."""
    heads, sharing = number(text, HEADS), number(text, KEY_HEADS)
    size = number(text, HEAD_SIZES) or (hidden // heads if heads else 0)
    return sharing * size or hidden


def _dtypes(entries: Sequence[TensorEntry]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        found[entry.dtype] = found.get(entry.dtype, 0) + entry.entries
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _notes(plan: Plan) -> list[str]:
    notes = []
    free = min((each.free_bytes for each in plan.gpus if each.used), default=None)
    free = plan.memory_found_bytes if free is None else free
    generation = plan.generation_bytes * _sharing(plan)
    if free is not None and generation > free:
        notes.append(
            f"generation needs about {in_bytes(generation)} of memory, "
            f"{in_bytes(free)} are free: at best the verdict is undecided; "
            "--answer-later leaves the answers to a server"
        )
    if plan.coverage < MINIMUM_COVERAGE:
        notes.append(f"only {plan.coverage:.1%} of the blocks' matrices can be repaired")
    return notes
