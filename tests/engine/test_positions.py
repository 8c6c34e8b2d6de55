"""No model is given more tokens than it can read."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoConfig

from modelrepair.engine.positions import context_of
from modelrepair.evaluation.generation import generate
from modelrepair.evaluation.thinking import Asking, room_of
from modelrepair.examples.example import Example, Message
from modelrepair.examples.template import Template
from tests.support import tiny
from tests.support.chat_tokenizers import make_tokenizer
from tests.support.scripted import Scripted, learned

ROTARY = {"max_position_embeddings": 64}


@pytest.mark.parametrize(
    ("kind", "settings", "context"),
    [
        ("llama", ROTARY, 64),
        ("opt", ROTARY, 64),
        ("gpt2", {"n_positions": 64}, 64),
        ("bloom", {}, None),
        ("mamba", {}, None),
        ("mpt", {"max_seq_len": 64}, 64),
        ("llama", {**ROTARY, "rope_scaling": {"type": "linear", "factor": 2.0}}, 128),
        ("llama", {**ROTARY, "rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, 256),
        (
            "llama",
            {"max_position_embeddings": 256}
            | {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}
               | {"original_max_position_embeddings": 64}},
            256,
        ),
        ("llama", {**ROTARY, "rope_scaling": {"rope_type": "linear", "factor": float("inf")}}, 64),
    ],
)  # fmt: skip
def test_how_far_positions_reach(kind, settings, context):
    assert context_of(AutoConfig.for_model(kind, **settings)) == context


@pytest.mark.parametrize("kind", ["gpt2", "opt"])
def test_learned_positions_hold_as_many(kind):
    model = tiny.model(kind)
    context = context_of(model.config)
    with torch.inference_mode():
        model(torch.full((1, context), 5))
        with pytest.raises(IndexError):
            model(torch.full((1, context + 1), 5))


class Numbers:
    def prompt_ids(self, example):
        return list(example)

    def decode(self, ids):
        return " ".join(map(str, ids))


@pytest.mark.parametrize("rows", [1, 3, 16])
def test_answers_end_where_the_context_does(rows):
    model = learned(24)
    prompts = [[5] * length for length in (3, 23, 12, 20, 3, 20, 16, 24, 30)]
    settings = {"eos_ids": (), "pad_id": 0, "max_new_tokens": 8, "batch_rows": rows}
    given = generate(model, Numbers(), prompts, context=24, **settings)
    assert [len(each.tokens) for each in given] == [8, 1, 8, 4, 8, 4, 8, 0, 0]
    assert not any(each.finished for each in given)
    alone = [generate(model, Numbers(), [p], context=24, **settings)[0] for p in prompts]
    assert given == alone
    with pytest.raises(IndexError):
        generate(model, Numbers(), prompts, **settings)


def test_thoughts_end_where_the_context_does():
    made = Template(make_tokenizer("thinker"), context=64)
    model = Scripted(made.tokenizer, {"?": "and so "}, positions=64)
    prompts = [Example((Message("user", "?" * n),), None) for n in (1, 30)]
    given = generate(
        model,
        Asking(made),
        prompts,
        eos_ids=made.end_ids,
        pad_id=made.pad_id,
        thinking=room_of(made, 100, 100),
        context=64,
    )
    lengths = [len(made.asked_ids(prompt)) for prompt in prompts]
    assert [len(each.tokens) for each in given] == [64 - length for length in lengths]
    assert all(each.unfinished_thought for each in given)
    assert model.read <= 64


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_measurement_of_a_short_model(kind, tmp_path, capsys):
    from modelrepair.cli.main import run

    tokenizer = make_tokenizer("chatml")
    tiny.save(kind, tmp_path, vocab_size=len(tokenizer))
    tokenizer.save_pretrained(tmp_path)
    rows = [{"prompt": f"how {n}? " + "so " * n, "response": "yes " * 60} for n in range(30)]
    sets = tmp_path / "utility.jsonl"
    sets.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["measure", str(tmp_path), f"--utility={sets}", "--json"]) == 0
    warnings = "\n".join(json.loads(capsys.readouterr().out)["warnings"])
    assert "are longer than the model's context of 64 tokens and are cut there" in warnings
    assert "prompts that is less than the 128 of an answer, which is cut there" in warnings
    assert "their prompts fill the model's context of 64" in warnings
