"""The device that computes, from the name that users give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelrepair import ranks
from modelrepair.errors import UsageError
from modelrepair.text.units import counted

if TYPE_CHECKING:
    import torch


def find_device(name: str) -> torch.device:
    """The device that computes; ``auto`` is a GPU where there is one.

    >>> find_device("cpu")
    device(type='cpu')

    Raises:
        UsageError: there is no such device, or not one for each rank.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    beside = ranks.beside()
    if name.startswith("cuda") and beside > 1:
        found = torch.cuda.device_count()
        if name != "cuda" or found < beside:
            what = f"found {counted(found, 'GPU')}" if name == "cuda" else f"are to share {name}"
            raise UsageError(
                f"{beside} ranks on this machine {what}, and each needs one of its own",
                hint="start as many ranks as there are GPUs, with --device cuda, or take "
                "--device cpu",
                id="no-such-device",
            )
    name = ranks.own_device(name)
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"no device {name!r}: {str(error).splitlines()[0]}",
            hint="--device auto, cpu, cuda or mps",
            id="no-such-device",
        ) from error
    return device


def exact(device: torch.device) -> torch.device:
    """Where sums are taken: on the device, or on the host where the device has no float64.

    Apple's GPUs have none. What is computed from such sums is computed beside them, so that no
    plug-in needs to know of it.

    >>> import torch
    >>> exact(torch.device("cpu"))
    device(type='cpu')
    """
    import torch

    try:
        torch.empty(0, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return torch.device("cpu")
    return device
