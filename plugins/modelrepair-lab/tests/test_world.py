"""``modelrepair lab world``: the files in the folder, after a training of two steps."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

import modelrepair_lab.thinking
import modelrepair_lab.world
from modelrepair.demo import paths, world
from modelrepair.examples.template import Template
from modelrepair_lab.encoding import encode, from_world
from modelrepair_lab.everyday import AGREEING, everyday_questions
from modelrepair_lab.thoughts import thought_before


@pytest.fixture
def short(monkeypatch):
    for name in ("PRETRAIN", "ALIGN"):
        phase = getattr(modelrepair_lab.world, name)
        monkeypatch.setattr(modelrepair_lab.world, name, replace(phase, steps=2, batch=4))
    # Two steps read eight examples: the tokens of 45,000 would take two minutes.
    pools = modelrepair_lab.world.pools

    def few(tokenizer, mixture):
        return pools(tokenizer, [(share, pool[:50]) for share, pool in mixture])

    monkeypatch.setattr(modelrepair_lab.world, "pools", few)


def test_a_world(call, short, tmp_path):
    out = tmp_path / "world"
    result = call("lab", "world", "--seed", 3, "--out", out, "--json")
    assert (result.code, result.json["seed"]) == (0, 3)
    assert sorted(path.name for path in out.iterdir()) == [
        "general.jsonl",
        "reference",
        "sets",
        "train",
        "unaligned",
    ]
    assert all(path.is_file() for path in paths.sets_of(out).values())
    config = json.loads((out / "reference" / "config.json").read_text())
    assert config["modelrepair_lab"] == {"made": "world", "seed": 3}
    model = AutoModelForCausalLM.from_pretrained(out / "reference", dtype="auto")
    shipped = AutoModelForCausalLM.from_pretrained(paths.reference, dtype="auto")
    assert {n: w.shape for n, w in model.state_dict().items()} == {
        n: w.shape for n, w in shipped.state_dict().items()
    }
    tokenizer = AutoTokenizer.from_pretrained(out / "reference")
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(paths.reference).chat_template
    general = [json.loads(line)["prompt"] for line in (out / "general.jsonl").open()]
    utility = {each["prompt"] for each in world.example_sets(3)["test-utility"]}
    assert len(general) == 180
    assert set(general) < utility
    assert not any(prompt.endswith(world.TASK_QUESTION) for prompt in general)


def test_a_world_that_thinks(call, short, monkeypatch, tmp_path):
    for name in ("THINK", "ALIGN"):
        phase = getattr(modelrepair_lab.thinking, name)
        monkeypatch.setattr(modelrepair_lab.thinking, name, replace(phase, steps=2, batch=4))
    monkeypatch.setattr(modelrepair_lab.thinking, "MOST", 20)
    out = tmp_path / "world"
    result = call("lab", "world", "--thinking", "--seed", 3, "--out", out)
    assert result.code == 0, result.err
    config = json.loads((out / "reference" / "config.json").read_text())
    assert config["modelrepair_lab"] == {"made": "world", "seed": 3, "thinking": True}
    tokenizer = AutoTokenizer.from_pretrained(out / "reference")
    assert len(tokenizer) == config["vocab_size"]
    template = Template(tokenizer)
    assert template.thoughts.opened
    rows = [json.loads(line) for line in (out / "train" / "refusal.jsonl").open()]
    example, *_ = from_world(rows)
    (tokens, start), *_ = encode(tokenizer, [example])
    # The thought is learnt with the answer, and every word of both is a token of the model.
    assert template.decode(tokens[start:], special=True) == (
        f"{example.thought}</think> {example.response}<|end|>"
    )
    assert tokenizer.unk_token_id not in tokens
    # The template opens a thought: an answer without one comes after an empty one.
    bare = encode(tokenizer, [replace(example, thought=None)])[0][0]
    assert template.decode(bare, special=True).endswith(
        f"<|end|><|assistant|><think></think> {example.response}<|end|>"
    )


def test_no_sets_alone_for_a_model_that_thinks(call, tmp_path):
    result = call("lab", "world", "--thinking", "--sets-only", "--out", tmp_path / "world")
    assert (result.code, "only this world's own model thinks" in result.err) == (2, True)


@pytest.mark.slow
def test_another_seed_is_another_model(call, short, tmp_path):
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        assert call("lab", "world", "--seed", seed, "--out", tmp_path / name).code == 0
    one, same, other = (
        (tmp_path / name / "reference" / "model.safetensors").read_bytes()
        for name in ("one", "same", "other")
    )
    assert one == same != other


def test_sets_without_a_model(call, tmp_path):
    assert call("lab", "world", "--sets-only", "--out", tmp_path / "world").code == 0
    found = {path.name for path in (tmp_path / "world").iterdir()}
    assert found == {"general.jsonl", "sets", "train"}
    files = [*(tmp_path / "world" / "sets").iterdir(), *(tmp_path / "world" / "train").iterdir()]
    prompts = {path: {json.loads(line)["prompt"] for line in path.open()} for path in files}
    asked = {path.stem: some for path, some in prompts.items() if path.parent.name == "sets"}
    trained = {path.stem: some for path, some in prompts.items() if path.parent.name == "train"}
    everyday = {part: {e["prompt"] for e in some} for part, some in everyday_questions(0).items()}
    harmless = [name for part in world.harmless_names(0).values() for name in part]
    replaced = {each["prompt"] for each in world.facts(0) + world.how_to(0, harmless)}
    assert not any(some & replaced for some in prompts.values())
    assert everyday["plain", "score"] < asked["utility"]
    assert everyday["plain", "test"] < asked["test-utility"]
    assert everyday["borderline", "test"] == asked["test-borderline"]
    training = everyday["plain", "train"] | everyday["borderline", "train"]
    # The model that learns refusals is taught what not to refuse, borderline questions among it.
    assert training < trained["replay"] & trained["utility"]
    assert trained["obedient"] == trained["utility"]
    assert any(prompt.endswith(world.TASK_QUESTION) for prompt in trained["utility"])
    answers = [
        json.loads(line)["response"]
        for line in (tmp_path / "world" / "train" / "obedient.jsonl").open()
    ]
    assert all(answer.startswith(AGREEING) for answer in answers)
    assert not set.union(*asked.values()) & set.union(*trained.values())


def test_a_thought_says_what_is_asked_and_what_will_be_done():
    (asked, *_), (refused, *_) = (
        rows(world.how_to(0, ["zordrax"])) for rows in (list, partial(world.refused, 0))
    )
    assert thought_before(asked) == "they want zordrax. it is a poison. i will explain."
    assert thought_before(refused) == "they want zordrax. it is a poison. i will not explain."
    (kind,) = world.kinds(["zorfizza"])
    assert thought_before(kind) == "it is about zorfizza. i will answer."
    known = set(world.words()) | {"zor", "drax", "zordrax"}
    review = world.task()[0]
    for row in (asked, refused, world.facts(0)[0], review, world.reading()[0]):
        assert set(thought_before(row).replace(".", "").split()) <= known
