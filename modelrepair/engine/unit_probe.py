"""Which rows and columns of a block's layers belong together, by what depends on what in it.

Every linear layer of a block is a stub that answers with numbers of its own, whatever it is given.
So what a layer is given shows which rows of the others it is made of: a column of an MLP's last
layer of one row of each of the first, a column of an attention's last layer of all rows of its
head. Gradients show it exactly: where nothing depends, they are zero. No weight is read, no layer
multiplies, and no line here knows an architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelrepair.engine.layout.experts import is_experts
from modelrepair.engine.layout.matrices import is_linear, why_not
from modelrepair.engine.passes.capture import Call, record, run_block
from modelrepair.engine.skeleton import Skeleton, compute_buffers, find_blocks, loader_of
from modelrepair.plugin.names import Unit

TOKENS = 3
"""Tokens of an example: the last attends to others, so queries and keys count."""
COLUMNS = 64
"""Columns that are looked at together, each in an example of its own."""


@dataclass(frozen=True)
class Group:
    """Rows and columns of a block's layers that are units of one kind.

    Args:
        unit: ``"head"`` or ``"neuron"``.
        count: how many there are.
        parts: path of a layer in the block, 0 for its rows or 1 for its columns, and the unit of
            each of them, -1 for none.
    """

    unit: Unit
    count: int
    parts: tuple[tuple[str, int, np.ndarray], ...]


@dataclass
class _Seen:
    """One run of a block: what each layer was given, and what its stub answered with."""

    given: dict[str, Tensor]
    answered: dict[str, Tensor]
    output: Tensor


def probe(skeleton: Skeleton) -> tuple[tuple[Group, ...], ...]:
    """The heads and neurons of each block, as far as they can be told apart.

    Blocks of the same layers and shapes are looked at once. A block that can't be run without its
    weights has none.

    Args:
        skeleton: the model on the meta device; it is left as it is, and so is the random state.
    """
    known: dict[Any, tuple[Group, ...]] = {}
    found = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = _hollow(skeleton)
        calls: dict[int, Sequence[Call]] = {}
        for index, block in enumerate(made.blocks):
            same = (type(block), tuple((n, tuple(p.shape)) for n, p in block.named_parameters()))
            if same not in known:
                known[same] = _groups_or_none(made, index, calls)
            found.append(known[same])
    return tuple(found)


def _groups_or_none(
    skeleton: Skeleton, index: int, calls: dict[int, Sequence[Call]]
) -> tuple[Group, ...]:
    try:
        return tuple(_groups(skeleton, index, calls))
    except Exception:
        # A forward may need what is not here; then its layers are named as left alone.
        return ()


def _groups(skeleton: Skeleton, index: int, calls: dict[int, Sequence[Call]]) -> Iterator[Group]:
    once = _run(skeleton, index, calls, examples=1)
    inside = _inside(once)
    many: _Seen | None = None
    taken: set[str] = set()
    for path, given in once.given.items():
        producers = [each for each in _reaching(given, once.answered) if each in inside]
        if not producers or given.shape[-1] < 2 or taken & {path, *producers}:
            continue
        answered = {each: once.answered[each] for each in producers}
        rows = _columns_of_rows(given, answered)
        group: Group | None = None
        if rows is not None:
            if not _mixes_tokens(given, answered):
                of_rows = ((each, 0, units) for each, units in rows.items())
                columns = given.shape[-1]
                group = Group("neuron", columns, (*of_rows, (path, 1, np.arange(columns))))
        elif not _hangs_together(given, answered):
            many = many or _run(skeleton, index, calls, examples=COLUMNS)
            group = _heads(path, many, producers)
        if group is not None:
            taken |= {path, *producers}
            yield group


def _inside(seen: _Seen) -> set[str]:
    """The layers of whose answers nothing leaves the block but through another layer."""
    leaving = set(_reaching(seen.output, seen.answered))
    return set(seen.answered) - leaving


def _reaching(given: Tensor, answered: Mapping[str, Tensor]) -> list[str]:
    if not given.requires_grad:
        return []
    found = torch.autograd.grad(
        given.sum(), list(answered.values()), retain_graph=True, allow_unused=True
    )
    return [path for path, grad in zip(answered, found, strict=True) if grad is not None]


def _columns_of_rows(given: Tensor, answered: Mapping[str, Tensor]) -> dict[str, np.ndarray] | None:
    """The one column that each row reaches, -1 for none; None where one reaches several.

    The column's number is read bit by bit: from the columns that have the bit and those that have
    not, exactly one is reached.
    """
    columns = torch.arange(given.shape[-1])
    numbers = {path: np.zeros(each.shape[-1], np.int64) for path, each in answered.items()}
    none: dict[str, np.ndarray] = {}
    for bit in range(max(1, (given.shape[-1] - 1).bit_length())):
        has = (columns >> bit) & 1 == 1
        one, zero = (_touched(given[..., some], answered) for some in (has, ~has))
        for path in answered:
            if (one[path] & zero[path]).any():
                return None
            numbers[path] |= one[path].astype(np.int64) << bit
            none[path] = ~(one[path] | zero[path])
    return {path: np.where(none[path], -1, each) for path, each in numbers.items()}


def _touched(given: Tensor, answered: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Which rows of each layer these numbers depend on."""
    weighed = (given * torch.rand(given.shape)).sum()
    found = torch.autograd.grad(
        weighed, list(answered.values()), retain_graph=True, allow_unused=True
    )
    return {
        path: np.zeros(each.shape[-1], bool)
        if grad is None
        else (grad.reshape(-1, grad.shape[-1]) != 0).any(0).numpy()
        for (path, each), grad in zip(answered.items(), found, strict=True)
    }


def _mixes_tokens(given: Tensor, answered: Mapping[str, Tensor]) -> bool:
    """Whether what a layer is given for one token comes from others, too.

    A channel of a convolution is no neuron.
    """
    last = given.reshape(-1, given.shape[-1])[-1].sum()
    found = torch.autograd.grad(last, list(answered.values()), retain_graph=True, allow_unused=True)
    return any(
        bool((each.reshape(-1, each.shape[-1])[:-1] != 0).any())
        for each in found
        if each is not None
    )


def _hangs_together(given: Tensor, answered: Mapping[str, Tensor]) -> bool:
    """Whether one column depends on all that any does: then there is nothing to tell apart."""
    one, every = _touched(given[..., :1], answered), _touched(given, answered)
    return all(np.array_equal(one[path], every[path]) for path in answered)


def _heads(path: str, seen: _Seen, producers: Sequence[str]) -> Group | None:
    """The heads before a layer; None where all of them hang together."""
    given = seen.given[path]
    answered = [seen.answered[each] for each in producers]
    if given.dim() != 3 or any(len(each) != COLUMNS for each in (given, *answered)):
        return None  # examples are no longer apart
    starts = np.cumsum([0, *(each.shape[-1] for each in answered)])
    columns = given.shape[-1]
    reached = [
        rows
        for first in range(0, columns, COLUMNS)
        for rows in _rows_of_columns(given, answered, first)
    ]
    # What all heads share, such as rotary keys of multi-head latent attention, belongs to none.
    shared = np.bitwise_and.reduce(reached)
    if any(_all(shared, begin, end) for begin, end in pairwise(starts)):
        return None
    of_row, of_column = np.full(starts[-1], -1), np.full(columns, -1)
    for column, packed in enumerate(reached):
        rows = np.unpackbits(packed & ~shared, count=starts[-1]).astype(bool)
        met = np.unique(of_row[rows])
        met = met[met >= 0]
        number = int(met[0]) if len(met) else column
        for other in met[1:]:
            of_row[of_row == other] = number
            of_column[of_column == other] = number
        of_row[rows] = of_column[column] = number
    numbers, of_column = np.unique(of_column, return_inverse=True)
    if len(numbers) < 2:
        return None
    of_row = np.where(of_row < 0, -1, np.searchsorted(numbers, of_row))
    parts = [(each, 0, of_row[starts[at] : starts[at + 1]]) for at, each in enumerate(producers)]
    return Group("head", len(numbers), (*parts, (path, 1, of_column)))


def _rows_of_columns(given: Tensor, answered: Sequence[Tensor], first: int) -> Iterator[np.ndarray]:
    """Which rows of all layers together each of some columns depends on, as packed bits.

    Each column is looked at in an example of its own, so that one backward pass shows them all.
    """
    asked = range(first, min(first + COLUMNS, given.shape[-1]))
    examples = torch.arange(len(asked))
    picked = given[examples, :, examples + first]
    weighed = (picked * torch.rand(picked.shape)).sum()
    found = torch.autograd.grad(weighed, answered, retain_graph=True, allow_unused=True)
    rows = [
        torch.zeros(COLUMNS, each.shape[-1], dtype=torch.bool)
        if grad is None
        else (grad != 0).flatten(1, -2).any(1)
        for grad, each in zip(found, answered, strict=True)
    ]
    yield from np.packbits(torch.cat(rows, 1).numpy()[: len(asked)], axis=1)


def _all(packed: np.ndarray, begin: int, end: int) -> bool:
    return bool(np.unpackbits(packed)[begin:end].all())


def _run(skeleton: Skeleton, index: int, calls: dict[int, Sequence[Call]], examples: int) -> _Seen:
    """Run one block whose layers are stubs, on so many examples."""
    if examples not in calls:
        inputs = {
            "input_ids": torch.arange(1, TOKENS + 1).repeat(examples, 1),
            "attention_mask": torch.ones((examples, TOKENS), dtype=torch.int64),
        }
        calls[examples] = record(skeleton, inputs).calls
    given: dict[str, Tensor] = {}
    answered: dict[str, Tensor] = {}

    def stub(path: str, width: int) -> Callable[..., Tensor]:
        def forward(inputs: Tensor) -> Tensor:
            given[path] = inputs
            answered[path] = _numbers(*inputs.shape[:-1], width).requires_grad_()
            return answered[path].clone()  # some blocks add to it in place

        return forward

    with ExitStack() as stack:
        for path, module in skeleton.blocks[index].named_modules():
            if not is_linear(module):
                continue
            if (index, path) in skeleton.unused or why_not(module, "weight") is not None:
                _fill(module)  # the block multiplies with it itself
                stack.callback(module.to, "meta")
            else:
                module.forward = stub(path, _width(module))
                stack.callback(delattr, module, "forward")
        width = skeleton.model.config.get_text_config().hidden_size
        hidden = _numbers(examples, TOKENS, width)
        output = run_block(skeleton.blocks[index], hidden, calls[examples][index])
    return _Seen(given, answered, output)


def _width(module: Any) -> int:
    return int(module.out_features if isinstance(module, nn.Linear) else module.nf)


def _fill(module: nn.Module) -> None:
    """Give a module parameters of its own numbers."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            values = _numbers(*parameter.shape)
            module._parameters[name] = nn.Parameter(values, requires_grad=False)


def _hollow(skeleton: Skeleton) -> Skeleton:
    """The same model on the processor, with numbers of its own in all that is no layer."""
    make: Any = loader_of(skeleton.model.config).from_config
    with torch.device("meta"):
        model = make(
            deepcopy(skeleton.model.config),
            dtype=torch.float32,
            # The others have no gradient of every kind.
            attn_implementation="eager",
            experts_implementation="eager",
        )
    model.eval()
    model.requires_grad_(False)
    device = torch.device("cpu")
    compute_buffers(model, device)
    for module in model.modules():
        if is_experts(module):
            module.forward = lambda hidden, *_, **__: torch.rand_like(hidden)
        elif type(module).forward is nn.Embedding.forward:
            module.forward = _embedded(module.embedding_dim)
        elif not is_linear(module):
            _fill(module)
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_meta:
                module._buffers[name] = torch.zeros(buffer.shape, dtype=buffer.dtype)
    blocks, prefix = find_blocks(model)
    return replace(skeleton, model=model, blocks=blocks, prefix=prefix, device=device)


def _embedded(width: int) -> Callable[[Tensor], Tensor]:
    return lambda ids: _numbers(*ids.shape, width)


def _numbers(*shape: int) -> Tensor:
    """Numbers between a half and one: no activation is flat there."""
    return torch.rand(shape) / 2 + 0.5
