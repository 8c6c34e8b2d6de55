"""A device that is none: tensors computed on the processor that carry a device's label.

As on a GPU, an operation refuses tensors of two devices, NumPy takes none of them, and a value that
Python reads is a wait for the device: such reads are counted by where they are.
It may lack float64, as Apple's GPUs do. It does not show how their kernels round, nor which
operations they lack.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "lazy"
DOUBLE = (torch.float64, torch.complex128)
OURS = str(Path(__file__).parents[2] / "modelrepair")
aten = torch.ops.aten
READS = (aten._local_scalar_dense.default, aten.equal.default)
COPIES = (aten._to_copy.default, aten.copy_.default)


class MixedDevicesError(RuntimeError):
    """An operation was given tensors of two devices."""


class Labelled(torch.Tensor):
    """A tensor on the labelled device; its values are in ``held``, on the processor."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Labelled:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        """A read of all its values."""
        _active().read("tolist")
        return self.held.tolist()

    def data_ptr(self) -> int:
        return self.held.data_ptr()

    def __repr__(self) -> str:
        return f"{self.held!r} on {NAME}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError("a labelled tensor outside of its mode")


@dataclass
class Device(TorchDispatchMode):
    """Computes on the processor, and keeps the labels apart.

    Args:
        float64: whether it has such numbers; Apple's GPUs have none.
        reads: how often a value was read by Python, by the place in our code that read it.
    """

    float64: bool = True
    reads: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()

    def read(self, what: str) -> None:
        """Count a read at the innermost line of ours."""
        frame: Any = sys._getframe(1)
        while frame is not None and not frame.f_code.co_filename.startswith(OURS):
            frame = frame.f_back
        place = "elsewhere"
        if frame is not None:
            place = f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"
        self.reads[place] += 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if torch.is_inference_mode_enabled():  # there, an operation made of others comes whole
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        labelled = [each for each in tensors if isinstance(each, Labelled)]
        if labelled and func not in COPIES:
            # A number on the processor goes along with any device's tensors, as in torch.
            others = [t for t in tensors if not isinstance(t, Labelled) and t.dim()]
            if others:
                raise MixedDevicesError(f"{func} was given tensors of {NAME} and of the processor")
        if labelled and func in READS:
            self.read(str(func))
        to = kwargs.get("device")
        here = bool(labelled) if to is None else torch.device(to).type == NAME
        if to is not None and here:
            kwargs["device"] = torch.device("cpu")
        if func is aten.copy_.default:
            _plain(args[0]).copy_(_plain(args[1]))
            return args[0]
        out = func(*tree_map(_plain, args), **tree_map(_plain, kwargs))
        if not here:
            return out
        made = [each for each in tree_leaves(out) if isinstance(each, torch.Tensor)]
        if not self.float64 and any(each.dtype in DOUBLE for each in made):
            raise TypeError(f"{NAME} has no float64")
        known = {id(each.held): each for each in labelled}  # what is changed in place stays itself
        return tree_map(lambda value: _label(value, known), out)


def _plain(value: Any) -> Any:
    return value.held if isinstance(value, Labelled) else value


def _label(value: Any, known: dict[int, Labelled]) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return known[id(value)] if id(value) in known else Labelled(value)


_MODES: list[Device] = []


def _active() -> Device:
    return _MODES[-1]


@contextmanager
def labelled_device(*, float64: bool = True) -> Iterator[Device]:
    """Inside, ``torch.device(NAME)`` is a device."""
    device = Device(float64)
    _MODES.append(device)
    # As FakeTensorMode does: `torch.tensor(…, device=…)` comes by here in two steps.
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with device, torch.autograd.set_multithreading_enabled(False):
            yield device
    finally:
        torch._C._set_only_lift_cpu_tensors(before)
        _MODES.pop()
