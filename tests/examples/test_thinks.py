"""What is found of thoughts in files is what the loaded tokenizer's template finds."""

from __future__ import annotations

import json

import pytest

from modelrepair.examples.template import Template
from modelrepair.examples.thinks import thoughts_of
from modelrepair.source.resolve import Source
from tests.support.chat_tokenizers import TEMPLATES, make_tokenizer


def source(folder):
    return Source(None, None, folder, folder.name)


def opens(*folders):
    """What opens a thought; the tokens of these tokenizers name harmony's channels, too."""
    return {each.open for each in thoughts_of(*map(source, folders)).marks} - {"<|channel|>"}


@pytest.mark.quick("qwen3", "harmony", "plain")
@pytest.mark.parametrize("style", TEMPLATES)
def test_the_marks_of_a_saved_tokenizer(style, tmp_path):
    tokenizer = make_tokenizer(style)
    tokenizer.save_pretrained(tmp_path)
    found = thoughts_of(source(tmp_path)).marks
    assert found == Template(tokenizer).thoughts.marks
    assert ("<think>" in opens(tmp_path)) == (style in ("qwen3", "thinker"))


@pytest.mark.parametrize("special", [True, False])
def test_marks_that_only_the_tokens_name(special, tmp_path):
    tokenizer = make_tokenizer("chatml")
    tokenizer.add_tokens(["<think>", "◁think▷"], special_tokens=special)
    tokenizer.save_pretrained(tmp_path)
    assert opens(tmp_path) == {"<think>", "◁think▷"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chat_template.jinja", "{{ '<think>' }}"),
        ("chat_template.json", json.dumps({"chat_template": "\u25c1think\u25b7 <think>"})),
        ("tokenizer_config.json", json.dumps({"chat_template": "<think>"})),
        (
            "tokenizer_config.json",
            json.dumps({"chat_template": [{"name": "default", "template": "<think>"}]}),
        ),
        (
            "tokenizer_config.json",
            json.dumps({"added_tokens_decoder": {"7": {"content": "<think>"}}}),
        ),
        ("tokenizer.json", json.dumps({"added_tokens": [{"content": "<think>"}], "model": {}})),
    ],
)
def test_every_file_that_may_name_them(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert "<think>" in opens(tmp_path)


def test_an_adapter_without_a_tokenizer_thinks_as_its_base(tmp_path):
    own, base = tmp_path / "own", tmp_path / "base"
    own.mkdir()
    make_tokenizer("qwen3").save_pretrained(base)
    assert opens(own, base) == {"<think>"}
    make_tokenizer("chatml").save_pretrained(own)
    assert not opens(own, base)


@pytest.mark.parametrize("text", ['{"added_tokens": [{"content": "<thi', '"added_tokens"', "[" * 9])
def test_a_damaged_tokenizer_is_not_found_out_here(text, tmp_path):
    (tmp_path / "tokenizer.json").write_text(text)
    assert not opens(tmp_path)
    assert thoughts_of(source(tmp_path), given=["<plan> </plan>"]).marks
