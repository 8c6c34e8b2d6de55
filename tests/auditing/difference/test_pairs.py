"""Which tensors of two models belong together, and which can't be compared."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.auditing.difference.pairs import pairs
from modelrepair.checkpoint.reader import Checkpoint
from tests.support import compared_models as make


def between(tmp_path, target, base, adapter=None):
    left_out = {}
    opened = [Checkpoint.open(make.save(tmp_path / name, tensors))
              for name, tensors in (("target", target), ("base", base))]  # fmt: skip
    return {each.name: each for each in pairs(*opened, left_out, adapter or {})}, left_out


def test_names_with_another_beginning_and_a_tied_head_find_their_partner(tmp_path):
    base = {"model.embed_tokens.weight": np.ones((4, 2), np.float32)}
    target = {"embed_tokens.weight": base["model.embed_tokens.weight"],
              "lm_head.weight": base["model.embed_tokens.weight"]}  # fmt: skip
    found, left_out = between(tmp_path, target, base)
    assert (list(found), left_out) == (["embed_tokens.weight", "lm_head.weight"], {})


def test_what_can_not_be_compared_has_a_reason(tmp_path):
    one = np.ones((4, 2), np.float32)
    found, left_out = between(tmp_path, {"a": one, "b": one}, {"a": one.T, "c": one})
    assert not found
    assert left_out == {
        "a": "shape [4, 2], the base's [2, 4]",
        "b": "the base has no tensor of this name",
        "c": "the model does not have it",
    }


def test_stacked_experts_are_compared_one_by_one(tmp_path):
    stack = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    name = "layers.1.mlp.experts.down_proj"
    found, _ = between(tmp_path, {name: stack}, {name: 2 * stack})
    assert list(found) == [f"{name}[{index}]" for index in range(3)]
    last = found[f"{name}[2]"]
    assert (last.layer, last.projection, last.size) == (1, "down_proj", (2, 4))
    np.testing.assert_array_equal(last.change(0, 2), -stack[2])
    np.testing.assert_array_equal(last.part(np.array([1]), np.array([0, 3]))[1],
                                  -stack[2][1:, [0, 3]])  # fmt: skip


@pytest.mark.parametrize(("extra", "scale"), [({}, 2.0), ({"use_rslora": True}, 4 / 2**0.5)])
def test_an_adapter_adds_its_factors_times_its_scale(tmp_path, extra, scale):
    up, down = np.ones((4, 2), np.float32), np.full((2, 3), 0.5, np.float32)
    path = "base_model.model.layers.0.o_proj"
    target = {f"{path}.lora_A.weight": down, f"{path}.lora_B.weight": up}
    config = {"peft_type": "LORA", "lora_alpha": 4} | extra
    base = {"layers.0.o_proj.weight": np.zeros((4, 3), np.float32)}
    found, _ = between(tmp_path, target, base, config)
    np.testing.assert_allclose(found["layers.0.o_proj.weight"].change(1, 3), scale, rtol=1e-6)


def test_another_kind_of_adapter_is_not_compared(tmp_path):
    one = {"a": np.ones((2, 2), np.float32)}
    assert between(tmp_path, one, one, {"peft_type": "LOHA"})[1] == {
        "*": "an adapter of type LOHA, or DoRA"
    }
