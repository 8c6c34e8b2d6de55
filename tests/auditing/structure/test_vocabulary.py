"""Size, tokenizer and special tokens, against the base's."""

from __future__ import annotations

import json

import pytest

from modelrepair.auditing.structure.vocabulary import CHECKS
from tests.support.auditing import CONFIG, SHAPES, ask, document, model, tensors, write
from tests.support.tokenizer_files import BPE, changed

SIZE, TOKENIZER, SPECIAL = CHECKS
FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"


def asked(check, tmp_path, own, its):
    return ask(check, write(tmp_path / "m", model(**own)), write(tmp_path / "b", model(**its)))


@pytest.mark.parametrize(("rows", "severity"), [(12, None), (16, "note"), (10, "warning")])
def test_another_size_is_found(tmp_path, rows, severity):
    shapes = {**SHAPES, "model.embed_tokens.weight": (rows, 8)}
    own = {
        "model.safetensors": tensors(shapes),
        "config.json": document({**CONFIG, "vocab_size": rows}),
    }
    finding = asked(SIZE, tmp_path, own, {})
    assert finding.outcome == ("clear" if severity is None else "found")
    assert severity in (None, finding.severity)


@pytest.mark.parametrize(
    ("own", "its", "outcome", "severity"),
    [
        (BPE, BPE, "clear", None),
        (changed("merges", [["a", "b"]]), BPE, "clear", None),
        (changed("vocab", {"a": 0, "b": 1, "ab": 2, "c": 9}), BPE, "found", "note"),
        (changed("merges", []), BPE, "found", "error"),
        (None, BPE, "found", "warning"),
        (BPE, None, "inconclusive", None),
        (None, None, "inconclusive", None),
    ],
)
def test_a_tokenizer_that_differs_is_found(tmp_path, own, its, outcome, severity):
    files = [{} if each is None else {FILE: document(each)} for each in (own, its)]
    finding = asked(TOKENIZER, tmp_path, *files)
    assert finding.outcome == outcome, finding.message
    assert severity in (None, finding.severity)


def test_on_the_hub_equal_tokenizers_are_not_fetched(hub):
    data = document({**BPE, "padding": "x" * 100_000})
    hub.add("me/a", model(**{FILE: data}))
    hub.add("me/b", model(**{FILE: data}))
    assert ask(TOKENIZER, "me/a", "me/b").outcome == "clear"
    assert not any(path.endswith(FILE) for path in hub.sent)
    hub.add("me/c", model(**{FILE: data + b" "}))
    assert "same tokens" in ask(TOKENIZER, "me/a", "me/c").message
    assert ask(TOKENIZER, "me/a", "me/c", budget=150_000).outcome == "inconclusive"


def test_damaged_tokenizers_are_inconclusive(tmp_path):
    assert asked(TOKENIZER, tmp_path, {FILE: b"{"}, {FILE: b"{}"}).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({"eos_token": "<end>"}, "warning"),
        ({"eos_token": {"content": "</s>"}}, None),
        ({"add_bos_token": True}, "warning"),
        ({"pad_token": "<pad>"}, "note"),
        ({"extra_special_tokens": ["<x>"]}, "note"),
        ({"model_max_length": 7}, None),
    ],
)
def test_other_special_tokens_are_found(tmp_path, change, severity):
    its = {"eos_token": "</s>"}
    own = {SETTINGS: json.dumps({**its, **change}).encode()}
    finding = asked(SPECIAL, tmp_path, own, {SETTINGS: document(its)})
    assert finding.outcome == ("clear" if severity is None else "found"), finding
    assert severity in (None, finding.severity)
    assert asked(SPECIAL, tmp_path / "x", {}, {SETTINGS: document(its)}).outcome == "inconclusive"
