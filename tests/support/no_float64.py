"""A made-up device without float64, as Apple's GPUs are: what is put on it, is computed here.

It shows on which device each number lies, what mixes two of them, and what asks the device for
float64. It does not show how Apple's own kernels round, nor which operations they lack.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

MADE_UP = torch.device("privateuseone", 0)
KNOWN = hasattr(backend_registration, "_DummyBackendModule")
"""Whether this torch takes a device that is written in Python: 2.6 takes none."""
if KNOWN:
    torch._register_device_module("privateuseone", backend_registration._DummyBackendModule())
    guard = backend_registration._DummyDeviceGuard()
    torch._C._acc.register_python_privateuseone_device_guard(guard)

ACROSS = (
    torch.ops.aten.copy_.default,
    torch.ops.aten._to_copy.default,
    torch.ops.aten.index.Tensor,
)
"""What may take tensors of two devices; so may whatever takes a number without dimensions."""


def with_gradients() -> None:
    """Let gradients flow on the device; the process believes from here on that it has a GPU."""
    backend_registration._setup_privateuseone_for_python_backend("madeup")


class OnDevice(torch.Tensor):
    """A tensor that says it is on the device; its numbers lie in one on the host."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnDevice:
        if held.dtype in (torch.float64, torch.complex128):
            raise TypeError("the device does not support float64")
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=MADE_UP,
            requires_grad=held.requires_grad,
        )
        made.held = held
        return made

    def data_ptr(self) -> int:
        """Where its numbers lie."""
        return self.held.data_ptr()

    def tolist(self) -> Any:
        """Its numbers, brought to the host."""
        return self.cpu().tolist()

    def __repr__(self, *_: Any, **__: Any) -> str:
        return f"OnDevice({self.held})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None) -> Any:
        with _Device():
            return function(*args, **(kwargs or {}))


class _Device(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None) -> Any:
        kwargs = dict(kwargs or {})
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        there = [each for each in given if isinstance(each, OnDevice)]
        here = [each for each in given if not isinstance(each, OnDevice) and each.dim()]
        if there and here and function not in ACROSS:
            raise RuntimeError(f"{function}: expected all tensors to be on the same device")
        wanted = kwargs.get("device")
        on_device = bool(there) if wanted is None else wanted.type == MADE_UP.type
        if wanted is not None and on_device:
            kwargs["device"] = torch.device("cpu")
        out = function(*tree_map(_held, args), **tree_map(_held, kwargs))
        if function._schema.is_mutable and args and isinstance(args[0], torch.Tensor):
            return args[0]
        return tree_map(_put, out) if on_device else out


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


def _put(value: Any) -> Any:
    return OnDevice(value) if type(value) is torch.Tensor else value


@contextmanager
def device_without_float64() -> Iterator[torch.device]:
    """The device, for a while; a test is skipped where torch takes none."""
    if not KNOWN:
        pytest.skip("this torch takes no device that is written in Python")
    with _Device():
        yield MADE_UP
