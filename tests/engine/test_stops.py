"""What ends an answer is read as the loader reads it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.skeleton import build
from modelrepair.engine.stops import GENERATION_CONFIG, Stops, read_stops
from modelrepair.evaluation.generation import end_ids
from tests.support import tiny
from tests.support.chat_tokenizers import make_tokenizer

NO_TOKENIZER_END = SimpleNamespace(eos_token_id=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer("chatml")
    tiny.save("llama", path, vocab_size=len(tokenizer))
    tokenizer.save_pretrained(path)
    return path


def write(folder, document):
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / GENERATION_CONFIG).write_text(text)


@pytest.mark.parametrize(
    ("document", "ends"),
    [
        ({"eos_token_id": 7}, {2, 7}),
        ({"eos_token_id": [7, 8]}, {2, 7, 8}),
        ({"eos_token_id": [7, 10**6, -1, "9", None, 1.0, True, [3]]}, {2, 7}),
        ({"eos_token_id": None}, {2}),
        ({"eos_token_id": {"a": 1}}, {2}),
        ({}, {2}),
        ([], {2}),
        ("{", {2}),
        ({"eos_token_id": 7, "min_new_tokens": 50, "repetition_penalty": 9.0}, {2, 7}),
    ],
)
def test_the_tokens_of_the_generation_config_end_an_answer(folder, document, ends):
    write(folder, document)
    skeleton = build(folder, Checkpoint.open(folder), torch.device("cpu"))
    assert end_ids(skeleton.model, NO_TOKENIZER_END) == ends
    assert skeleton.model.generation_config.min_new_tokens is None


def test_without_the_file_the_others_hold(folder):
    (folder / GENERATION_CONFIG).unlink(missing_ok=True)
    assert read_stops(folder, 50) == Stops()
    skeleton = build(folder, Checkpoint.open(folder), torch.device("cpu"))
    assert end_ids(skeleton.model, NO_TOKENIZER_END) == {2}


def test_what_is_no_token_in_a_config_ends_nothing():
    model = tiny.model("llama", eos_token_id=[2, 999, -3])
    assert end_ids(model, SimpleNamespace(eos_token_id=-4), (5,)) == {2, 5}


def test_unknown_stop_tokens_are_said_once(folder, tmp_path, capsys):
    from modelrepair.cli.main import run

    write(folder, {"eos_token_id": [7, 4000, "</s>"]})
    sets = tmp_path / "borderline.jsonl"
    sets.write_text("".join(json.dumps({"prompt": f"{n}?"}) + "\n" for n in range(4)))
    command = ["measure", str(folder), f"--borderline={sets}", "--max-new-tokens=4", "--json"]
    assert run(command) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    found = [each for each in warnings if GENERATION_CONFIG in each]
    assert found == [
        "generation_config.json names what is no token of the model as the end of an answer: "
        "4000, </s>"
    ]
