"""What training wrapped around a model, and left in the names of its tensors."""

from __future__ import annotations

import re

_WRAPPERS = re.compile(
    r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)


def unwrapped(name: str) -> str:
    """A tensor's name without what was wrapped around the model in training.

    >>> unwrapped("_orig_mod.module.model.layers.0._checkpoint_wrapped_module.mlp.up.weight")
    'model.layers.0.mlp.up.weight'

    Args:
        name: as torch.compile, DistributedDataParallel or FSDP left it in a file.
    """
    return _WRAPPERS.sub("", name).removeprefix("module.")
