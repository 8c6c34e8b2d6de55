"""Names of tensors as training tools leave them in a file."""

from __future__ import annotations

import pytest

from modelrepair.checkpoint.wrapped import unwrapped

NAME = "model.layers.0.mlp.up_proj.weight"


@pytest.mark.parametrize(
    "found",
    [
        NAME,
        f"module.{NAME}",
        f"_orig_mod.{NAME}",
        f"_orig_mod.module.{NAME}",
        f"module._orig_mod.{NAME}",
        "_fsdp_wrapped_module.model.layers.0._checkpoint_wrapped_module.mlp.up_proj.weight",
    ],
)
def test_every_wrapper_is_left_out(found):
    assert unwrapped(found) == NAME


@pytest.mark.parametrize("name", ["model.module.weight", "my_orig_mod.weight", "modules.weight"])
def test_what_only_looks_like_a_wrapper_stays(name):
    assert unwrapped(name) == name
