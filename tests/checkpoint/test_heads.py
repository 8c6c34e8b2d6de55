"""What names and shapes say of a model's heads, against what running its blocks shows."""

from __future__ import annotations

import json

import pytest

from modelrepair.checkpoint.blocks import blocks_of
from modelrepair.checkpoint.config import of_text
from modelrepair.checkpoint.heads import check_heads
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.unit_probe import probe
from modelrepair.errors import UnsupportedModelError
from tests.support import tiny
from tests.support.opened_models import open_tiny

SHARING = {"num_key_value_heads": 1}
ONE_KEY = {"new_decoder_architecture": False, "num_kv_heads": None}
WITHOUT = {
    "mamba": ("mamba", {}, "its blocks have no attention"),
    "mamba2": ("mamba2", {}, "its blocks have no attention"),
    "rwkv": ("rwkv", {}, "its blocks have no attention"),
    "olmo2": ("olmo2", {}, "a norm over all queries ties the heads together"),
    "multi-query llama": ("llama", SHARING, "all queries share one key and value"),
    "multi-query falcon": ("falcon", ONE_KEY, "all queries share one key and value"),
    "gpt_bigcode": ("gpt_bigcode", {}, "all queries share one key and value"),
}
QUICK = ("llama", "gpt2", "falcon", "qwen3_next", "jamba", "gpt_bigcode-multi-head")


def said(folder):
    """The reason in the error; None where the model passes."""
    config = of_text(json.loads((folder / "config.json").read_text()))
    blocks = blocks_of(list(Checkpoint.open(folder).entries.values()), 3)
    try:
        check_heads("it", config, blocks)
    except UnsupportedModelError as error:
        assert (error.exit_code, error.id, error.hint) == (
            6,
            "no-units",
            "take --unit entry or row",
        )
        return str(error).removeprefix("no head can be told apart in it: ")
    return None


def heads_found(one):
    return any(group.unit == "head" for groups in probe(one.skeleton) for group in groups)


@pytest.mark.parametrize("called", WITHOUT)
def test_a_model_without_heads_is_refused_with_the_reason(tmp_path, called):
    kind, changes, why = WITHOUT[called]
    one = open_tiny(kind, tmp_path / "m", **changes)
    assert said(one.folder) == why
    assert not heads_found(one)


@pytest.mark.parametrize(
    "called",
    [
        pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow)
        for kind in (*tiny.ARCHITECTURES, "gpt_bigcode-multi-head")
    ],
)
def test_no_model_with_heads_is_refused(tmp_path, called):
    kind, _, many = called.partition("-multi")
    one = open_tiny(kind, tmp_path / "m", **({"multi_query": False} if many else {}))
    assert said(one.folder) is None or not heads_found(one)
    if called in QUICK:
        assert heads_found(one)
