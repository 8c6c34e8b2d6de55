"""``modelrepair apply``: rebuild a repaired model from its mask."""

from __future__ import annotations

from pathlib import Path


def test_apply(api, call):
    result = call(*["apply", "mask.safetensors", "here", "--out", "there"])
    assert result.code == 0
    assert result.out.splitlines()[-1] == "Next: use there in place of here"
    name, arguments, options = api.made[0]
    assert (name, arguments) == ("apply", (Path("mask.safetensors"), "here"))
    assert options.pop("progress") is not None
    assert options == {"reference": None, "base": None, "out": Path("there")}
