"""Record and replay: a model's own forward with its blocks replaced by stubs.

What a block is called with (masks, position embeddings, per-layer kinds) depends on the input
ids and not on the hidden state. So one forward with stubs gives every block's arguments, and
another, whose last stub answers with a hidden state swept elsewhere, gives the model's own norm,
head and scaling. No line here knows an architecture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair.engine.layout.matrices import is_linear
from modelrepair.engine.skeleton import ReadWeight, Skeleton, shapes_only
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.plugin.repairer import Batch


@dataclass(frozen=True)
class Call:
    """The arguments one block was called with, but for its hidden state."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Recording:
    """One batch as the blocks see it: the first hidden state and each block's arguments."""

    hidden: Tensor
    calls: tuple[Call, ...]


class _Stop(Exception):
    """Raised by the last stub, so that the head is never run."""


def run_block(block: nn.Module, hidden: Tensor, call: Call) -> Tensor:
    """Run one block as the model would, and give its hidden state alone."""
    output = block(hidden, *call.args, **call.kwargs)
    result: Tensor = output[0] if isinstance(output, tuple | list) else output
    return result


def model_inputs(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """What the model's forward is given for a batch."""
    return {
        "input_ids": batch.input_ids.to(device),
        "attention_mask": batch.attention_mask.to(device),
    }


def record(skeleton: Skeleton, inputs: Mapping[str, Tensor]) -> Recording:
    """Run the model's own forward up to its last block, every block a stub.

    The shell must be filled.
    """
    seen: list[tuple[Tensor, Call]] = []

    def stub(index: int) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            hidden, call = _split(args, kwargs)
            seen.append((hidden, call))
            if index == len(skeleton.blocks) - 1:
                raise _Stop
            return _answer(skeleton, hidden)

        return forward

    with _stubs(skeleton, stub), torch.no_grad(), suppress(_Stop):
        skeleton.model(**inputs, use_cache=False)
    if len(seen) != len(skeleton.blocks):
        raise UnsupportedModelError(
            f"{type(skeleton.model).__name__} called {len(seen)} of its "
            f"{len(skeleton.blocks)} blocks",
            hint="models that skip or repeat blocks can't be swept; please report this one",
        )
    return Recording(seen[0][0], tuple(call for _, call in seen))


def replay(skeleton: Skeleton, inputs: Mapping[str, Tensor], hidden: Tensor, **kwargs: Any) -> Any:
    """The model's own output where its last block's hidden state is the given one.

    Gradients flow from the output to ``hidden`` where it asks for them.
    """

    def stub(index: int) -> Callable[..., Any]:
        def forward(*args: Any, **call: Any) -> Any:
            last = index == len(skeleton.blocks) - 1
            return _answer(skeleton, hidden if last else _split(args, call)[0])

        return forward

    with _stubs(skeleton, stub):
        return skeleton.model(**inputs, use_cache=False, **kwargs)


def shared_state(recording: Recording) -> str | None:
    """The name of an argument through which blocks would pass each other state, if there is one.

    Such an argument is one mutable object (a dictionary, a list, a cache) that several blocks
    are given. A block swept alone would see it as another block left it.
    """
    owners: dict[int, set[int]] = {}
    names: dict[int, str] = {}
    for index, call in enumerate(recording.calls):
        named = [*((f"argument {i}", value) for i, value in enumerate(call.args))]
        for name, value in [*named, *call.kwargs.items()]:
            if not _immutable(value):
                owners.setdefault(id(value), set()).add(index)
                names[id(value)] = name
    shared = [names[key] for key, blocks in owners.items() if len(blocks) > 1]
    return shared[0] if shared else None


def inspect(skeleton: Skeleton) -> tuple[Skeleton, str | None]:
    """Look at the blocks by their shapes alone, before any weight is read.

    Returns:
        The skeleton, knowing now whether its blocks answer with a tuple, and the name of an
        argument that is state shared between blocks, or None.
    """
    first: list[tuple[Tensor, Call]] = []

    def keep(*args: Any, **kwargs: Any) -> Any:
        first.append(_split(args, kwargs))
        raise _Stop

    try:
        with shapes_only(skeleton) as shapes:
            inputs = {
                "input_ids": torch.zeros((1, 4), dtype=torch.int64),
                "attention_mask": torch.ones((1, 4), dtype=torch.int64),
            }
            with _stubs(shapes, lambda index: keep), suppress(_Stop):
                shapes.model(**inputs, use_cache=False)
            hidden, call = first[0]
            output = shapes.blocks[0](hidden, *call.args, **call.kwargs)
            length = len(output) if isinstance(output, tuple | list) else None
            recording = record(replace(shapes, answer_length=length), inputs)
            unused = _not_called_once(shapes, hidden, recording.calls)
    except UnsupportedModelError:
        raise
    except Exception as error:
        raise UnsupportedModelError(
            f"{type(skeleton.model).__name__} can't be run on shapes alone: {error}",
            hint="its forward looks at values, not only at shapes; please report this model",
        ) from error
    width = skeleton.model.config.get_text_config().hidden_size
    expected = (*inputs["input_ids"].shape, width)
    for states in (hidden, output[0] if length else output):
        shape = list(states.shape) if isinstance(states, Tensor) else type(states).__name__
        if shape != list(expected):
            raise UnsupportedModelError(
                f"the blocks of {type(skeleton.model).__name__} pass on hidden states "
                f"{shape} where {list(expected)} are expected",
                hint="models that keep several hidden states a token can't be swept yet",
            )
    shared = shared_state(recording)
    return replace(skeleton, answer_length=length, shared=shared, unused=unused), shared


def _not_called_once(
    shapes: Skeleton, hidden: Tensor, calls: Sequence[Call]
) -> frozenset[tuple[int, str]]:
    """The linear layers of each block that are not called, or more than once: (block, path).

    Some blocks take a layer's weight and multiply with it themselves: no hook sees that.
    """
    called: Counter[tuple[int, str]] = Counter()
    handles = []
    for index, block in enumerate(shapes.blocks):
        for path, module in block.named_modules():
            if is_linear(module):
                called[index, path] = 0

                def count(*_: Any, key: tuple[int, str] = (index, path)) -> None:
                    called[key] += 1

                handles.append(module.register_forward_hook(count))
    if shared_state(Recording(hidden, tuple(calls))) is None:
        for block, call in zip(shapes.blocks, calls, strict=True):
            run_block(block, hidden, call)
        unused = frozenset(key for key, times in called.items() if times != 1)
    else:
        unused = frozenset()  # a block alone could not run
    for handle in handles:
        handle.remove()
    return unused


def check_first_batch(skeleton: Skeleton, inputs: Mapping[str, Tensor], read: ReadWeight) -> None:
    """Compare the swept first two blocks with a plain forward of them, to the last bit.

    Raises:
        DamagedCheckpointError: what they compute is not finite.
        UnsupportedModelError: they differ, so the blocks depend on more than their arguments.
    """
    count = min(2, len(skeleton.blocks))
    plain: list[Tensor] = []

    def keep(module: nn.Module, args: Any, output: Any) -> None:
        plain.append((output[0] if isinstance(output, tuple | list) else output).detach().clone())
        if len(plain) == count:
            raise _Stop

    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(skeleton.filled_shell(read))
        blocks = [stack.enter_context(skeleton.filled_block(i, read)) for i in range(count)]
        handles = [block.register_forward_hook(keep) for block in blocks]
        with suppress(_Stop):
            skeleton.model(**inputs, use_cache=False)
        for handle in handles:
            handle.remove()
        recording = record(skeleton, inputs)
        hidden = recording.hidden
        for index, block in enumerate(blocks):
            hidden = run_block(block, hidden, recording.calls[index])
            if not torch.isfinite(plain[index]).all():
                raise DamagedCheckpointError(
                    f"block {index} computes no finite numbers: its weights are too large",
                    hint="the checkpoint is damaged or its training diverged; nothing can be "
                    "measured on it",
                    id="not-finite",
                )
            if not torch.equal(hidden, plain[index]):
                raise UnsupportedModelError(
                    f"block {index} of {type(skeleton.model).__name__} gives another result "
                    "alone than inside the model",
                    hint="its blocks share state; such a model can't be swept block by block",
                )


@contextmanager
def _stubs(skeleton: Skeleton, make: Callable[[int], Callable[..., Any]]) -> Iterator[None]:
    """Replace every block's forward, not the block: loops that read its attributes go on."""
    for index, block in enumerate(skeleton.blocks):
        block.forward = make(index)
    try:
        yield
    finally:
        for block in skeleton.blocks:
            del block.forward


def _answer(skeleton: Skeleton, hidden: Tensor) -> Any:
    """What a block answers: attention weights and other outputs that are not used are None."""
    length = skeleton.answer_length
    return hidden if length is None else (hidden, *[None] * (length - 1))


def _split(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Tensor, Call]:
    if args:
        return args[0], Call(tuple(args[1:]), dict(kwargs))
    rest = {name: value for name, value in kwargs.items() if name != "hidden_states"}
    return kwargs["hidden_states"], Call((), rest)


def _immutable(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_immutable(each) for each in value)
    return value is None or isinstance(
        value, Tensor | bool | int | float | str | bytes | torch.dtype | torch.device | torch.Size
    )
