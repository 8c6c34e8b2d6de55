"""The passes over the blocks: forward, and reverse for gradients, with one block in memory.

    record ─► block 0 ─► block 1 ─► … ─► block n−1 ─► replay (norm, head, loss)
                                                          │ gradient at the last block's output
              block 0 ◄─ block 1 ◄─ … ◄─ block n−1 ◄──────┘

Statistics are finished block by block and handed over at once. What a killed pass had done
is kept in its folder, and the same call resumes after the last finished block. Where a power cut
left less of the hidden states than was written, the pass begins again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from modelrepair import ranks
from modelrepair.checkpoint.atomic import write_json
from modelrepair.engine.passes.capture import Call, model_inputs, record, replay, run_block
from modelrepair.engine.passes.hidden_states import HiddenStates
from modelrepair.engine.passes.hooks import watch
from modelrepair.engine.passes.loss import LOSSES, Forced, chunks, forced, known
from modelrepair.engine.passes.statistics import (
    BlockSums,
    SetBatches,
    SiteStatistics,
    from_ranks,
)
from modelrepair.engine.sites import Site, Sites
from modelrepair.engine.skeleton import ReadWeight, Skeleton
from modelrepair.moving import remove
from modelrepair.plugin.names import SetName
from modelrepair.plugin.repairer import Batch
from modelrepair.plugin.scorer import Loss
from modelrepair.progress import Advance, Progress

Found = TypeVar("Found")

OnBlock = Callable[[int, Iterator[tuple[Site, SiteStatistics]]], None]
"""Takes a finished block's number, and its sites one by one: each one's sums are freed after."""

REVERSE_COST = 3
"""A recomputed forward and a backward of twice its work, in units of one forward."""


@dataclass(frozen=True)
class Work:
    """Everything one pass walks over.

    Args:
        skeleton: the model on the meta device.
        read: gives its weights.
        groups: the example sets, in canonical batches.
        folder: where hidden states and the pass's progress lie.
    """

    skeleton: Skeleton
    read: ReadWeight
    groups: Sequence[SetBatches]
    folder: Path

    def parts(self) -> Iterator[tuple[SetBatches, int, list[tuple[int, Batch]]]]:
        """The runs of batches that this rank takes, all its batches numbered.

        Ranks take the runs of a set in turn; beside each is said how many of them take one. A rank
        for which none is left is given an empty one.
        """
        numbers = count()
        for group in self.groups:
            for begin in range(0, len(group.parts), ranks.count()):
                taken = group.parts[begin : begin + ranks.count()]
                part = taken[ranks.number()] if ranks.number() < len(taken) else ()
                yield group, len(taken), [(next(numbers), batch) for batch in part]

    def batches(self) -> Iterator[tuple[int, SetBatches, Batch]]:
        """All batches of this rank, numbered."""
        for group, _, part in self.parts():
            for number, batch in part:
                yield number, group, batch

    @property
    def sets(self) -> Mapping[SetName, SetBatches]:
        """The example sets by name."""
        return {group.name: group for group in self.groups}

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The shape of each batch's hidden states, ``(examples, tokens, hidden)``."""
        width = self.skeleton.model.config.get_text_config().hidden_size
        return [
            (batch.input_ids.shape[0], batch.input_ids.shape[1], width)
            for _, _, batch in self.batches()
        ]

    @property
    def tokens(self) -> int:
        """The tokens of one walk of this rank through a block."""
        return sum(int(batch.attention_mask.sum()) for _, _, batch in self.batches())


@dataclass(frozen=True)
class _State:
    """How far a pass has come: blocks walked forward, and blocks left in reverse.

    With the checksums of what the next block reads, by slot.
    """

    forward: int = 0
    reverse: int | None = None
    hidden: Mapping[str, int] = field(default_factory=dict)
    gradients: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> _State:
        path = folder / "pass.json"
        return cls(**json.loads(path.read_bytes())) if path.exists() else cls()

    def save(self, folder: Path) -> None:
        if ranks.count() > 1:
            return  # others may have come less far, or be as many no more: begin the pass again
        write_json(folder / "pass.json", vars(self))


def collect(
    work: Work, sites: Sites, on_block: OnBlock, progress: Progress, title: str = "statistics"
) -> None:
    """Pass all sets through all blocks and hand over each block's statistics when they are whole.

    With accumulators that read gradients, the walk is forward without looking, then in reverse.
    ``on_block`` may be called again for one block after an interruption.
    """
    gradients = any(group.reads_gradients for group in work.groups)
    blocks = len(work.skeleton.blocks)
    total = work.tokens * blocks * (1 + REVERSE_COST * gradients)
    with progress.step(title, total) as advance, closing(_hidden(work, "hidden")) as hidden:
        calls = _start(work, hidden, keep=gradients)
        if not gradients:
            _forward(work, hidden, calls, advance, sites=sites, on_block=on_block, keep=False)
        else:
            _forward(work, hidden, calls, advance, keep=True)
            with closing(_hidden(work, "gradients")) as flowing:
                _reverse(work, hidden, flowing, calls, advance, sites, on_block)
    ranks.gather(None)


def follow(work: Work, progress: Progress) -> list[Forced]:
    """Score how the model follows every example's answer, in the order of the batches."""
    return _of_answers(work, progress, "teacher-forced measures", forced)


def known_tokens(work: Work, progress: Progress) -> list[list[int]]:
    """The answer tokens that the model knows, in the order of the batches; see `loss.known`.

    Each example's are given by their places among its tokens.
    """
    return _of_answers(work, progress, "what the source knows", known)


def _of_answers(
    work: Work, progress: Progress, title: str, found_in: Callable[..., list[Found]]
) -> list[Found]:
    """What one forward pass finds in every example's logits, in the order of the batches."""
    blocks = len(work.skeleton.blocks)
    results: list[list[Found]] = []
    step = progress.step(title, work.tokens * blocks)
    with step as advance, closing(_hidden(work, "hidden")) as hidden:
        calls = _start(work, hidden, keep=False)
        _forward(work, hidden, calls, advance, keep=False)
        with work.skeleton.filled_shell(work.read), torch.no_grad():
            for number, _, batch in work.batches():
                state = hidden.read(blocks % 2, number, work.skeleton.device, work.skeleton.dtype)
                found = []
                for part, ids, mask, logits in _logits(work.skeleton, batch, state):
                    found += found_in(logits, ids, mask, batch.keys[part])
                results.append(found)
    return _in_order(work, results)


def _in_order(work: Work, own: list[list[Found]]) -> list[Found]:
    """What all ranks found, in the order of the batches."""
    found = [iter(each) for each in ranks.gather(own)]
    parts = [(n % ranks.count(), part) for g in work.groups for n, part in enumerate(g.parts)]
    return [one for rank, part in parts for _ in part for one in next(found[rank])]


def _hidden(work: Work, name: str) -> HiddenStates:
    folder = work.folder / f"rank-{ranks.number()}" if ranks.number() else work.folder
    return HiddenStates(folder / name, work.shapes)


def _start(work: Work, hidden: HiddenStates, *, keep: bool) -> list[tuple[Call, ...]]:
    """Record every batch: the arguments of all blocks, and the first hidden state if it's lost."""
    # What earlier blocks left for later ones may have been in memory only.
    lost = work.skeleton.shared is not None or ranks.count() > 1
    if lost or not _is_whole(work, hidden, _State.load(work.folder), keep=keep):
        remove(work.folder / "pass.json")  # begin again
    fresh = _State.load(work.folder).forward == 0
    calls = []
    with work.skeleton.filled_shell(work.read):
        for number, _, batch in work.batches():
            recording = record(work.skeleton, model_inputs(batch, work.skeleton.device))
            calls.append(recording.calls)
            if fresh:
                hidden.write(0, number, recording.hidden)
    return calls


def _is_whole(work: Work, hidden: HiddenStates, state: _State, *, keep: bool) -> bool:
    """Whether all that the next blocks read is there as it was written."""
    if state.forward == 0 or state.reverse == 0:
        return True
    if state.reverse is not None:
        slots = range(state.reverse)
    else:
        slots = (
            range(state.forward + 1) if keep else range(state.forward % 2, state.forward % 2 + 1)
        )
    every = [number for number, _, _ in work.batches()]
    if not all(hidden.is_whole(slot, every, state.hidden.get(str(slot))) for slot in slots):
        return False
    if state.reverse is None:
        return True
    flown = [number for number, group, _ in work.batches() if group.reads_gradients]
    slot = state.reverse % 2
    with closing(_hidden(work, "gradients")) as flowing:
        return flowing.is_whole(slot, flown, state.gradients.get(str(slot)))


def _forward(
    work: Work,
    hidden: HiddenStates,
    calls: Sequence[tuple[Call, ...]],
    advance: Advance,
    *,
    keep: bool,
    sites: Sites | None = None,
    on_block: OnBlock | None = None,
) -> None:
    """Walk the blocks forward; ``keep`` keeps every block's input, else only the last two."""
    skeleton, device = work.skeleton, work.skeleton.device
    state = _State.load(work.folder)
    blocks = len(skeleton.blocks)
    advance(work.tokens * state.forward)
    order = range(state.forward, blocks)
    with skeleton.walk(order, work.read) as filled_block:
        for index in order:
            here, there = (index, index + 1) if keep else (index % 2, (index + 1) % 2)
            watched = sites.of_block(index) if sites is not None else ()
            sums = BlockSums(watched)
            with filled_block(index) as block, torch.no_grad():
                for number, group, batch, added in _summed(work, sums):
                    states = hidden.read(here, number, device, skeleton.dtype)
                    some = watched if group.accumulators else ()
                    with watch(block, some, check=number == 0) as seen:
                        output = run_block(block, states, calls[number][index])
                    if seen:
                        added.add(group, batch, seen)
                    hidden.write(there, number, output)
                    advance(int(batch.attention_mask.sum()))
            if on_block is not None:
                _hand_over(work, index, sums, on_block)
            _State(index + 1, state.reverse, hidden.checksums).save(work.folder)


def _reverse(
    work: Work,
    hidden: HiddenStates,
    gradients: HiddenStates,
    calls: Sequence[tuple[Call, ...]],
    advance: Advance,
    sites: Sites,
    on_block: OnBlock,
) -> None:
    """Walk the blocks in reverse: recompute each from its stored input, and back-propagate."""
    skeleton, device = work.skeleton, work.skeleton.device
    blocks = len(skeleton.blocks)
    state = _State.load(work.folder)
    if state.reverse is None:
        with skeleton.filled_shell(work.read):
            for number, group, batch in work.batches():
                if group.reads_gradients:
                    last = hidden.read(blocks, number, device, skeleton.dtype)
                    flowing = _last_gradient(skeleton, batch, last, group.loss)
                    gradients.write(blocks % 2, number, flowing)
        state = _State(blocks, blocks, hidden.checksums, gradients.checksums)
        state.save(work.folder)
    left = state.reverse or 0
    advance(REVERSE_COST * work.tokens * (blocks - left))
    order = range(left - 1, -1, -1)
    with skeleton.walk(order, work.read) as filled_block:
        for index in order:
            watched = sites.of_block(index)
            sums = BlockSums(watched)
            with filled_block(index) as block:
                for number, group, batch, added in _summed(work, sums):
                    states = hidden.read(index, number, device, skeleton.dtype)
                    call, above = calls[number][index], (index + 1) % 2
                    with watch(block, watched, check=number == 0) as seen:
                        if group.reads_gradients:
                            flowing = gradients.read(above, number, device, skeleton.dtype)
                            flowing = _back_through(block, states, call, flowing)
                            gradients.write(index % 2, number, flowing)
                        else:
                            with torch.no_grad():
                                run_block(block, states, call)
                    added.add(group, batch, seen)
                    advance(REVERSE_COST * int(batch.attention_mask.sum()))
            _hand_over(work, index, sums, on_block)
            _State(blocks, index, hidden.checksums, gradients.checksums).save(work.folder)
            hidden.drop(index + 1)


def _back_through(block: nn.Module, states: Tensor, call: Call, flowing: Tensor) -> Tensor:
    """Compute a block again, and give the gradient of its input for that of its output."""
    states.requires_grad_(True)
    with torch.enable_grad():
        output = run_block(block, states, call)
    torch.autograd.backward(output, flowing)
    assert states.grad is not None
    return states.grad


def _summed(work: Work, sums: BlockSums) -> Iterator[tuple[int, SetBatches, Batch, BlockSums]]:
    """All batches, each with the sums to add it to; those of a run join the others at its end."""
    for group, taken, part in work.parts():
        added = BlockSums(sums.sites)
        for number, batch in part:
            yield number, group, batch, added
        if sums.sites and group.accumulators:
            for each in from_ranks(added, taken):
                sums.merge(each)


def _hand_over(work: Work, block: int, sums: BlockSums, on_block: OnBlock) -> None:
    """Give the finished sums away; the first rank has them."""
    if ranks.number() == 0 and sums.sites:
        on_block(block, ((site, sums.take(site, work.sets)) for site in sums.sites))


def _last_gradient(skeleton: Skeleton, batch: Batch, hidden: Tensor, loss: Loss) -> Tensor:
    """∂(Σ over examples of the mean answer-token loss) / ∂(output of the last block)."""
    gradient = torch.zeros_like(hidden)
    hidden.requires_grad_(True)
    with torch.enable_grad():
        for part, ids, mask, logits in _logits(skeleton, batch, hidden):
            total = LOSSES[loss](logits, ids, mask).sum()
            (whole,) = torch.autograd.grad(total, hidden)
            gradient[part] = whole[part]
    return gradient


def _logits(
    skeleton: Skeleton, batch: Batch, hidden: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """The model's own logits for a batch whose last hidden state is known, chunk by chunk."""
    device = skeleton.device
    inputs = model_inputs(batch, device)
    vocabulary = skeleton.model.config.get_text_config().vocab_size
    for part in chunks(batch, vocabulary):
        some = {name: value[part] for name, value in inputs.items()}
        logits = replay(skeleton, some, hidden[part]).logits
        yield part, some["input_ids"], batch.answer_mask[part].to(device), logits
