"""The plan is made from metadata, and what must stop stops before a weight is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from modelrepair.errors import DamagedCheckpointError, ResourceError, UnsupportedModelError
from modelrepair.examples.load import Example, Message
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.gpus import Gpu
from modelrepair.preflight.plan import check_plan as check
from modelrepair.preflight.plan import plan_model as plan
from modelrepair.preflight.plan import with_answers
from modelrepair.preflight.sizes import LIBRARIES
from modelrepair.source.resolve import resolve

HIDDEN, INNER, VOCABULARY, BLOCKS = 8, 12, 50, 3
CONFIG = {"num_hidden_layers": BLOCKS, "hidden_size": HIDDEN, "vocab_size": VOCABULARY}


def tensors() -> dict[str, np.ndarray]:
    shapes = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for n in range(BLOCKS):
        shapes |= {
            f"model.layers.{n}.self_attn.q_proj.weight": (HIDDEN, HIDDEN),
            f"model.layers.{n}.self_attn.q_proj.bias": (HIDDEN,),
            f"model.layers.{n}.mlp.up_proj.weight": (INNER, HIDDEN),
            f"model.layers.{n}.norm.weight": (HIDDEN,),
        }
    return {name: np.zeros(shape, "float16") for name, shape in shapes.items()}


@pytest.fixture
def model(tmp_path):
    def save(config=None, extra=None):
        folder = tmp_path / "model"
        folder.mkdir()
        save_file(tensors() | (extra or {}), folder / "model.safetensors")
        if config is not False:
            (folder / "config.json").write_text(json.dumps(CONFIG | (config or {})))
        return resolve(folder)

    return save


def examples(count: int) -> list[Example]:
    return [Example((Message("user", f"prompt {n}"),), "answer" * 10) for n in range(count)]


def test_the_numbers_of_a_small_model(model):
    made = plan(model(), Demand(sets={"realign": examples(4)}))
    in_blocks = BLOCKS * (HIDDEN * HIDDEN + INNER * HIDDEN)
    assert (made.blocks, made.hidden_size, made.vocabulary) == (BLOCKS, HIDDEN, VOCABULARY)
    assert made.block_parameters == in_blocks
    assert made.parameters == in_blocks + VOCABULARY * HIDDEN + HIDDEN + 2 * BLOCKS * HIDDEN
    assert made.other_parameters == made.parameters - in_blocks
    assert (made.coverage, made.skipped, made.refused) == (1.0, {}, ())
    assert made.dtypes == {"F16": made.parameters}
    assert made.kinds == {"q_proj": BLOCKS * HIDDEN * HIDDEN, "up_proj": BLOCKS * INNER * HIDDEN}
    assert sum(made.kinds.values()) == made.block_parameters
    assert made.generation_bytes == LIBRARIES + 4 * made.parameters
    assert made.rounds == "1"
    (only,) = made.passes
    assert (only.set, only.examples, only.backward) == ("realign", 4, False)
    assert only.tokens == 4 * (32 + 68 // 3)
    assert made.work_bytes == only.tokens * HIDDEN * 4
    json.dumps(made.to_json())
    check(made)


def test_the_peak_is_the_larger_of_a_block_and_the_head(model):
    source = model()
    sets = {"realign": examples(2), "utility": examples(3)}
    block = HIDDEN * HIDDEN + INNER * HIDDEN
    whole = block + 2 * HIDDEN
    alone = plan(source, Demand(sets=sets, evaluate=False))
    tokens = max(each.tokens for each in alone.passes)
    batch = tokens * 4 * (2 * HIDDEN + INNER + HIDDEN)
    assert alone.peak_bytes == LIBRARIES + 2 * 4 * whole + 8 * 2 * HIDDEN * 3 + batch
    assert alone.generation_bytes == 0
    with_head = plan(
        source,
        Demand(sets=sets, gradients=True, iterative=True, token_budget=100, max_length=10),
    )
    assert with_head.peak_bytes == LIBRARIES + 4 * (VOCABULARY * HIDDEN + 3 * 100 * VOCABULARY)
    assert with_head.rounds == "several"
    tokens = sum(each.tokens for each in with_head.passes)
    assert with_head.work_bytes == (BLOCKS + 1) * tokens * HIDDEN * 4
    everywhere = plan(source, Demand(scores=True))
    assert everywhere.work_bytes == BLOCKS * block * 4
    again = plan(source, Demand(scores=True, iterative=True))
    assert again.work_bytes == 2 * everywhere.work_bytes  # a round may need those of the last


def test_experts_and_unknown_shapes_are_named(model):
    fused = "model.layers.1.mlp.experts.gate_up_proj"
    single = "model.layers.1.mlp.experts.0.w1.weight"
    odd = "model.layers.1.lora_A"
    extra = {
        fused: np.zeros((2, 4, 4), "float16"),
        f"{fused}_bias": np.zeros((2, 4), "float16"),
        "model.layers.1.conv1d.weight": np.zeros((4, 1, 4), "float16"),
        single: np.zeros((4, 4), "float16"),
        odd: np.zeros((4, 4), "float16"),
        "model.layers.0.attn.bias": np.zeros((1, 1, 64, 64), "float16"),
        "vision.layers.0.w.weight": np.zeros((90, 90), "float16"),
    }
    made = plan(model(extra=extra), Demand())
    assert made.skipped.keys() == {"model.layers.1.conv1d.weight", odd}
    assert made.blocks == BLOCKS
    assert made.coverage == 1 - 32 / made.block_parameters
    assert any("can be repaired" in note for note in made.notes)
    check(made)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"quantization_config": {"quant_method": "bitnet"}}, r"quantised \(bitnet\)"),
        ({"quantization_config": {"quant_method": "gptq"}}, "says quantization_config, and its"),
        ({"is_encoder_decoder": True}, "encoder-decoder"),
        ({"architectures": ["BertForMaskedLM"]}, "BertForMaskedLM is an encoder"),
        (
            {"auto_map": {"AutoConfig": "mine.C"}, "architectures": ["MyLM"]},
            "code of its own",
        ),
    ],
)
def test_models_that_can_not_be_repaired_are_shown_and_refused(model, config, said):
    made = plan(model(config), Demand())
    with pytest.raises(UnsupportedModelError, match=said) as caught:
        check(made)
    assert caught.value.hint
    assert made.refused == (str(caught.value),)


def test_the_text_part_of_a_larger_config_counts(model):
    source = model({"text_config": CONFIG, "hidden_size": 99})
    assert plan(source, Demand()).hidden_size == HIDDEN


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_a_broken_config_is_refused(model, content):
    source = model()
    (source.folder / "config.json").write_bytes(content)
    with pytest.raises(UnsupportedModelError, match="no JSON object"):
        plan(source, Demand())


def test_a_missing_config_and_an_adapter_are_told_apart(model):
    source = model(config=False)
    with pytest.raises(UnsupportedModelError, match="has no config"):
        plan(source, Demand())
    (source.folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(UnsupportedModelError, match=r"a whole model .* and an adapter"):
        plan(source, Demand())
    (source.folder / "adapter_config.json").unlink()
    (source.folder / "config.json").mkdir()
    with pytest.raises(DamagedCheckpointError, match="no plain file"):
        plan(source, Demand())


def test_a_file_cut_short_is_damaged(model):
    source = model()
    path = source.folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedCheckpointError):
        plan(source, Demand())


def test_a_training_takes_as_many_copies_of_the_model_as_it_holds(model):
    source = model()
    made = plan(source, Demand(copies=5000))
    assert made.peak_bytes == LIBRARIES + 5000 * 4 * made.parameters


def test_too_little_memory_or_disk_stops(model, monkeypatch):
    made = plan(model(), Demand())
    with pytest.raises(ResourceError, match=r"of memory are needed, 1 byte are free"):
        check(replace(made, memory_found_bytes=1))
    with pytest.raises(ResourceError, match="of disk are needed"):
        check(replace(made, disk_found_bytes=1))
    check(replace(made, memory_found_bytes=None, disk_found_bytes=None))


def test_ranks_on_one_machine_share_its_memory(model, monkeypatch):
    made = plan(model(), Demand())
    enough = replace(made, memory_found_bytes=2 * made.generation_bytes)
    check(enough)
    assert not with_answers(enough, 1, 1).notes
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(ResourceError, match="needed by 3 ranks on this machine") as refused:
        check(enough)
    assert "start fewer ranks" in refused.value.hint
    assert "generation needs about" in with_answers(enough, 1, 1).notes[-1]
    on_a_gpu = replace(enough, gpus=(Gpu("cuda:0", "one", 2**40, 2**40),))
    check(on_a_gpu)


def test_generation_that_does_not_fit_is_a_note(model, monkeypatch):
    monkeypatch.setattr("modelrepair.preflight.plan.free_memory", lambda: 100)
    made = plan(model(), Demand())
    assert "at best the verdict is undecided" in made.notes[0]


@pytest.mark.parametrize(
    ("config", "width"),
    [
        ({}, HIDDEN),
        ({"num_attention_heads": 4, "num_key_value_heads": 2}, HIDDEN // 2),
        ({"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 3}, 6),
        ({"n_head": 2}, HIDDEN),
        ({"max_position_embeddings": 50}, HIDDEN),
    ],
)
def test_answers_take_keys_and_values_beside_the_weights(model, tmp_path, config, width):
    made = plan(model(config), Demand())
    assert made.token_bytes == 2 * BLOCKS * width * 4
    whole = with_answers(made, prompts=10, tokens=100)
    read = config.get("max_position_embeddings", 100)
    assert whole.generation_bytes == made.generation_bytes + 1.7 * 10 * read * made.token_bytes
    silent = plan(resolve(tmp_path / "model"), Demand(answers=False))
    assert with_answers(silent, 10, 100) == silent and silent.generation_bytes == 0


def test_answers_that_do_not_fit_beside_the_weights_are_a_note(model):
    made = plan(model(), Demand())
    barely = replace(made, memory_found_bytes=made.generation_bytes)
    assert "at best the verdict is undecided" in with_answers(barely, 10, 100).notes[-1]
    assert not with_answers(replace(made, memory_found_bytes=2**40), 10, 100).notes


def test_a_plan_needs_neither_torch_nor_transformers(model):
    folder = model().folder
    program = (
        "import sys; from pathlib import Path;"
        "from modelrepair.preflight.demand import Demand;"
        "from modelrepair.preflight.plan import check_plan, plan_model;"
        "from modelrepair.examples import load, refusals, splits;"
        "from modelrepair.checkpoint import digests;"
        "from modelrepair.source import reference, resolve;"
        "source = resolve.resolve(Path(sys.argv[1]));"
        "check_plan(plan_model(source, Demand(gradients=True)));"
        "reference.declared_base(source.folder);"
        "print(sorted({'torch', 'transformers'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
