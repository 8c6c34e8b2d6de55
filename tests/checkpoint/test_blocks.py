"""Repeated blocks and their matrices: which list they are, what is a matrix, what is skipped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from modelrepair.checkpoint.blocks import (
    block_lists,
    blocks_of,
    factors_of,
    is_matrix,
    kinds_of,
    skipped_in,
    why_not,
)
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.errors import UnsupportedModelError
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.plan import check_plan, plan_model
from modelrepair.source.resolve import resolve


def entry(name: str, *shape: int) -> TensorEntry:
    return TensorEntry(name, "model.safetensors", "F32", shape, 0, 4)


def names(blocks) -> list[list[str]]:
    return [[each.name for each in block] for block in blocks]


TEXT = [entry(f"model.layers.{n}.up_proj.weight", 4, 4) for n in (10, 2, 0)]
VISION = [entry(f"vision.blocks.{n}.fc.weight", 90, 90) for n in (1, 0)]


def test_a_model_without_blocks_is_refused(tmp_path):
    save_file({"w": np.zeros((2, 2), "float32")}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UnsupportedModelError, match="no prunable matrix"):
        check_plan(plan_model(resolve(tmp_path), Demand()))


def test_each_list_of_blocks_has_its_own_indices():
    alone = [entry("model.norm.weight", 4), entry("0.weight", 4), entry("l.1234567890.w", 4)]
    lists = block_lists([*TEXT, *alone, *VISION])
    assert [list(each) for each in lists] == [[10, 2, 0], [1, 0]]


def test_the_list_of_the_expected_length_comes_before_the_largest():
    entries = [*VISION, *TEXT]
    text = [[f"model.layers.{n}.up_proj.weight"] for n in (0, 2, 10)]
    vision = [[f"vision.blocks.{n}.fc.weight"] for n in (0, 1)]
    assert names(blocks_of(entries, 3)) == text, "by index, and as numbers"
    for expected in (2, 0, 7):
        assert names(blocks_of(entries, expected)) == vision
    assert blocks_of([entry("model.norm.weight", 4)], 1) == []


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("l.0.q_proj.weight", (4, 4), None),
        ("l.0.lora_A", (4, 4), "no weight of a linear layer by its name"),
        ("l.0.conv1d.weight", (4, 1, 4), "3 dimensions: no linear layer, no experts by its name"),
        ("l.0.mlp.experts.gate_up_proj", (2, 4, 4), None),
        ("l.0.moe.input_linear.weight", (2, 4, 4), None),
        ("l.0.mlp.experts.gate_up_proj", (2, 2, 4, 4), "4 dimensions: no linear layer, no"),
    ],
)
def test_a_matrix_that_cannot_be_repaired_has_its_reason(name, shape, reason):
    found = why_not(entry(name, *shape))
    assert found == reason if reason is None else found.startswith(reason)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("norm.weight", (8,)), ("attn.bias", (4, 4)), ("time_mix_key", (1, 1, 8))],
)
def test_what_multiplies_nothing_is_no_matrix_and_is_not_skipped(name, shape):
    odd = entry(f"l.0.{name}", *shape)
    assert not is_matrix(odd)
    assert skipped_in([odd]) == {}


@pytest.mark.parametrize(
    "experts",
    [
        [entry(f"l.0.mlp.experts.{n}.w1.weight", 4, 8) for n in range(3)],
        [entry("l.0.mlp.experts.down_proj", 3, 4, 8)],
    ],
    ids=["numbered", "stacked"],
)
def test_a_router_has_a_row_for_each_expert(experts):
    router = entry("l.0.mlp.gate.weight", 3, 8)
    assert skipped_in([router, *experts]) == {router.name: "a router: it chooses experts"}
    # A gate of an MLP has the same name, and other rows.
    assert skipped_in([entry("l.0.mlp.gate.weight", 16, 8), *experts]) == {}
    assert skipped_in([router]) == {}


def test_the_step_of_a_state_space_is_skipped():
    (reason,) = skipped_in([entry("l.0.mixer.dt_proj.weight", 8, 2)]).values()
    assert reason.startswith("the step of a state space")
    assert skipped_in([entry("l.0.attn.dt_proj.weight", 8, 2)]) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.integers(1, 9))))
def test_kinds_add_up_to_all_entries(drawn):
    entries = [entry(f"l.{i}.mlp.{kind}.weight", n, m) for i, (kind, n, m) in enumerate(drawn)]
    found = kinds_of(entries)
    assert found.keys() == {kind for kind, *_ in drawn}
    assert sum(found.values()) == sum(each.entries for each in entries)


def test_factors_are_those_of_linear_layers_in_blocks():
    factors = [
        entry("base_model.model.layers.0.q_proj.lora_A.weight", 2, 8),
        entry("base_model.model.layers.0.q_proj.lora_B.default.weight", 8, 2),
    ]
    others = [
        entry("base_model.model.lm_head.lora_A.weight", 2, 8),
        entry("base_model.model.layers.0.conv.lora_A.weight", 2, 8, 3),
        entry("base_model.model.layers.0.embed.lora_embedding_A", 2, 8),
    ]
    assert factors_of([*others, *factors]) == factors
