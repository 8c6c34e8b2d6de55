"""NVIDIA's GPUs by NVML, the driver's own library: their names and their memory, without torch."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelrepair import ranks


@dataclass(frozen=True)
class Gpu:
    """A GPU that a run here could compute on.

    Args:
        device: as ``--device`` names it.
        name: as its maker does.
        free_bytes: of its memory, now; ``total_bytes`` all of it.
        used: whether the run computes on it.
    """

    device: str
    name: str
    free_bytes: int
    total_bytes: int
    used: bool = True


def gpus_for(device: str) -> tuple[Gpu, ...]:
    """The GPUs of this machine, where a run on this device computes on one; none without a driver.

    A container may be given a GPU without NVML: then none is found, too.

    >>> gpus_for("cpu")
    ()

    Args:
        device: as it was asked for.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda" and (device != "auto" or not _built_for_gpus()):
        return ()
    first = int(number) if number.isdecimal() else 0
    last = first if number else ranks.expected() - 1
    return tuple(
        Gpu(f"cuda:{index}", *found, used=first <= index <= last)
        for index, found in enumerate(_visible())
    )


def _built_for_gpus() -> bool:
    """Whether torch is; its build for processors alone takes no GPU that is there."""
    spec = find_spec("torch")
    places = (spec and spec.submodule_search_locations) or ()
    return any(any(Path(place, "lib").glob("*torch_cuda*")) for place in places)


def _visible() -> list[tuple[str, int, int]]:
    """The name, free and total memory of each GPU that CUDA shows a program, in its order.

    Of one that is cut into parts (MIG) that is the first, or the one that the variable names.
    """
    try:
        import pynvml
    except ImportError:  # not installed on macOS, which has none
        return []
    try:
        pynvml.nvmlInit()
        here = _parts_of_each(pynvml)
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        if named is None:
            chosen = [parts[0] for parts in here if parts]
        else:
            chosen = []
            for each in named.split(","):
                found = _named(pynvml, each.strip(), here)
                if not found:
                    break  # CUDA takes none that stands behind an unknown one
                chosen.append(found[0])
        return [look for each in chosen if (look := _look(pynvml, each))]
    except pynvml.NVMLError:  # no driver, or another one than the library's
        return []
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _parts_of_each(nvml: Any) -> list[list[Any]]:
    """A handle for each GPU, or one for each of its parts; none for one that does not answer."""
    found: list[list[Any]] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        found.append([])
        with suppress(nvml.NVMLError):
            device = nvml.nvmlDeviceGetHandleByIndex(index)
            found[-1] = _parts(nvml, device) if _cut(nvml, device) else [device]
    return found


def _cut(nvml: Any, device: Any) -> bool:
    try:
        return bool(nvml.nvmlDeviceGetMigMode(device)[0])
    except nvml.NVMLError:  # most kinds can't be cut
        return False


def _parts(nvml: Any, device: Any) -> list[Any]:
    found = []
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(device)):
        with suppress(nvml.NVMLError):  # there is room for more parts than were made
            found.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index))
    return found


def _named(nvml: Any, name: str, here: list[list[Any]]) -> list[Any]:
    """The GPU with this number, or those whose identifier begins so."""
    if name.isdecimal():
        return here[int(name)] if int(name) < len(here) else []
    every = [each for parts in here for each in parts]
    return [each for each in every if name and nvml.nvmlDeviceGetUUID(each).startswith(name)]


def _look(nvml: Any, device: Any) -> tuple[str, int, int] | None:
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(device)
        return nvml.nvmlDeviceGetName(device), memory.free, memory.total
    except nvml.NVMLError:  # it shares the machine's memory, or was lost
        return None
