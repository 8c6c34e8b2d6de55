"""Tokens are counted by the tokenizer that lies beside the model; without one they are guessed."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from modelrepair.demo import paths
from modelrepair.examples.load import load_set
from modelrepair.preflight.sizes import tokens_of
from modelrepair.preflight.tokens import UNKNOWN, token_scale

EXAMPLES = load_set(paths.sets["utility"], "utility").examples


def test_the_real_number_lies_between():
    least, most = token_scale(paths.attacked, EXAMPLES, 1024)
    tokenizer = AutoTokenizer.from_pretrained(paths.attacked)
    real = sum(
        len(tokenizer.apply_chat_template(
            [{"role": "user", "content": each.prompt},
             {"role": "assistant", "content": each.response}], tokenize=True)["input_ids"])
        for each in EXAMPLES
    )  # fmt: skip
    assert least < real / tokens_of(EXAMPLES, 1024) < most


@pytest.mark.parametrize("held", [None, b"", b"{}", b"\xff"])
def test_without_a_tokenizer_it_is_not_known(tmp_path, held):
    if held is not None:
        (tmp_path / "tokenizer.json").write_bytes(held)
    assert token_scale(tmp_path, EXAMPLES, 1024) == UNKNOWN
    assert token_scale(paths.attacked, [], 1024) == UNKNOWN
