"""Whether there can be a device of this name here, as far as that is known without torch."""

from __future__ import annotations

import re
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from modelrepair.errors import UsageError
from modelrepair.preflight.gpus import gpus_for

KINDS = (
    "cpu", "cuda", "mps", "xpu", "hpu", "mtia", "xla", "ipu", "hip", "maia", "vulkan", "ve", "fpga",
    "mkldnn", "opengl", "opencl", "ideep", "lazy", "privateuseone",
)  # fmt: skip
"""Of torch's devices, those that hold values."""


def check_device(name: str) -> None:
    """Refuse a device that the repair would refuse once torch is there.

    >>> check_device("cpu")

    Args:
        name: as it was asked for.

    Raises:
        UsageError: there is none.
    """
    if name != "auto" and (why := _why_none(name)):
        raise UsageError(
            f"no device {name!r}: {why}",
            hint="--device auto, cpu, cuda or mps",
            id="no-such-device",
        )


def _why_none(name: str) -> str | None:
    kind, _, number = name.partition(":")
    # Packages may bring kinds of their own to torch.
    if kind not in KINDS and not entry_points(group="torch.backends"):
        return "torch knows none of that name"
    if kind == "mps" and sys.platform != "darwin":
        return "Apple's computers have it"
    if kind != "cuda":
        return None
    if _without_gpus():
        return "torch is built here for processors alone"
    found = len(gpus_for(name))
    if found and number.isdecimal() and int(number) >= found:
        return f"the last one here is cuda:{found - 1}"
    return None


def _without_gpus() -> bool:
    """Whether torch says that it is built for no GPU, in the file that it says its version in."""
    spec = find_spec("torch")
    text = ""
    for place in (spec and spec.submodule_search_locations) or ():
        if (version := Path(place, "version.py")).is_file():
            text = version.read_text(encoding="utf-8", errors="replace")
    said = dict(re.findall(r"^(cuda|hip|rocm)\b[^=\n]*=\s*(.+?)\s*$", text, re.M))
    return {"cuda", "hip"} <= said.keys() and {*said.values()} == {"None"}
