"""What layers give, seen or changed while a network runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn


def output_of(result: Any) -> Tensor:
    """The tensor that a layer gives: the first, where it gives several.

    >>> output_of(("states", None)), output_of("states")
    ('states', 'states')
    """
    tensor: Tensor = result[0] if isinstance(result, (tuple, list)) else result
    return tensor


def with_output(result: Any, tensor: Tensor) -> Any:
    """The result of a layer with another tensor in the place of its output.

    >>> with_output(("states", None), "changed"), with_output("states", "changed")
    (('changed', None), 'changed')
    """
    return type(result)((tensor, *result[1:])) if isinstance(result, (tuple, list)) else tensor


@contextmanager
def outputs(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """The outputs of layers, in the order of their calls, as long as the context is open."""
    seen: list[Tensor] = []
    with _hooked(layers, lambda result: seen.append(output_of(result))):
        yield seen


@contextmanager
def changed(layers: Sequence[nn.Module], changes: Iterator[Tensor]) -> Iterator[None]:
    """Add one change after the other to the outputs of layers, in the order of their calls."""
    with _hooked(layers, lambda result: with_output(result, output_of(result) + next(changes))):
        yield


@contextmanager
def _hooked(layers: Sequence[nn.Module], of_result: Callable[[Any], Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for layer in layers:
            hook = layer.register_forward_hook(lambda module, args, result: of_result(result))
            stack.callback(hook.remove)
        yield
