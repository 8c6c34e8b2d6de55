"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil

Machine = Mapping[str, str]


def describe(device: str = "cpu") -> Machine:
    """The machine, its threads and the versions, as a table has them.

    >>> sorted(describe())[:4]
    ['cores', 'device', 'memory', 'processor']

    Args:
        device: what computes: ``cpu``, or ``cuda`` for the first GPU.
    """
    return {
        "processor": _processor(),
        "cores": str(psutil.cpu_count(logical=True)),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "threads": os.environ.get("OMP_NUM_THREADS", "as many as torch takes"),
        "device": _device_name(device),
        "system": platform.system(),
        "versions": ", ".join(
            [f"Python {platform.python_version()}"]
            + [f"{name} {version(name)}" for name in ("torch", "transformers", "modelrepair")]
        ),
    }


def no_gpu() -> str | None:
    """Why nothing can be computed on a GPU here, and what helps; None where one is there."""
    import torch

    if torch.cuda.is_available():
        return None
    return (
        f"no GPU: torch {torch.__version__} finds no CUDA device\n"
        "hint: run `make bench-gpu` on a machine with one, or `make bench` on this one"
    )


def _device_name(device: str) -> str:
    if device == "cpu":
        return device
    import torch

    return f"{device}, {torch.cuda.get_device_name(device)}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
