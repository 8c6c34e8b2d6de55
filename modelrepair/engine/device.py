"""The device that computes, from the name that users give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelrepair.errors import UsageError

if TYPE_CHECKING:
    import torch


def find_device(name: str) -> torch.device:
    """The device that computes; ``auto`` is a GPU where there is one.

    >>> find_device("cpu")
    device(type='cpu')

    Raises:
        UsageError: there is no such device.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"no device {name!r}: {str(error).splitlines()[0]}",
            hint="--device auto, cpu or cuda",
            id="no-such-device",
        ) from error
    return device
