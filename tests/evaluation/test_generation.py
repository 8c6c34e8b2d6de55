"""Answers are greedy, and nothing but the prompts decides them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from modelrepair.evaluation.generation import end_ids, generate
from modelrepair.progress import Progress


class Numbers:
    """A template whose examples are their own tokens."""

    def prompt_ids(self, example):
        return list(example)

    def decode(self, ids):
        return " ".join(map(str, ids))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        eos_token_id=2,
        pad_token_id=0,
        bos_token_id=1,
    )
    model = LlamaForCausalLM(config).train()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)  # so that greedy choices differ
    return model


def prompts():
    drawn = torch.Generator().manual_seed(1)
    return [
        torch.randint(3, 50, (length,), generator=drawn).tolist()
        for length in (5, 2, 9, 3, 7, 2, 12, 4)
    ]


def greedy_by_hand(model, prompt, ends, limit):
    ids = list(prompt)
    for _ in range(limit):
        with torch.inference_mode():
            token = int(model(torch.tensor([ids])).logits[0, -1].argmax())
        if token in ends:
            return ids[len(prompt) :], True
        ids.append(token)
    return ids[len(prompt) :], False


@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_answers_are_greedy_in_order_and_without_end_tokens(model, batch_rows):
    model.eval()
    first = [greedy_by_hand(model, prompt, (), 8)[0] for prompt in prompts()]
    ends = {first[0][3], first[2][5]}  # tokens that some rows do meet
    expected = [greedy_by_hand(model, prompt, ends, 8) for prompt in prompts()]
    answers = generate(
        model, Numbers(), prompts(), eos_ids=ends, pad_id=0, max_new_tokens=8, batch_rows=batch_rows
    )
    assert [(list(answer.tokens), answer.finished) for answer in answers] == expected
    assert {True, False} == {answer.finished for answer in answers}
    assert all(answer.text == " ".join(map(str, answer.tokens)) for answer in answers)


def test_nothing_is_inherited_from_the_models_settings(model):
    plain = generate(model, Numbers(), prompts(), eos_ids={2}, pad_id=0, max_new_tokens=6)
    own = GenerationConfig(
        do_sample=True, temperature=9.0, repetition_penalty=8.0, min_new_tokens=6, num_beams=3
    )
    kept, model.generation_config = model.generation_config, own
    again = generate(model, Numbers(), prompts(), eos_ids={2}, pad_id=0, max_new_tokens=6)
    assert model.generation_config is own
    model.generation_config = kept
    assert again == plain


def test_the_model_gets_its_settings_back_after_an_error(model):
    own = model.generation_config
    with pytest.raises(IndexError):
        generate(model, Numbers(), [[3, 99]], eos_ids={2}, pad_id=0, max_new_tokens=2)
    assert model.generation_config is own


def test_progress_counts_examples_and_the_model_evaluates(model):
    model.train()
    said = []
    progress = Progress(said.append)
    generate(
        model, Numbers(), prompts(), eos_ids={2}, pad_id=0, max_new_tokens=1, progress=progress
    )
    assert (said[-1].event, said[-1].name) == ("end", "answers")
    assert (said[-1].done, said[-1].total, said[-1].unit) == (8, 8, "answers")
    assert not model.training
    assert generate(model, Numbers(), [], eos_ids={2}, pad_id=0) == []


def test_no_end_token_means_the_limit_ends_every_answer(model):
    [answer] = generate(model, Numbers(), [[5, 6]], eos_ids=(), pad_id=0, max_new_tokens=4)
    assert len(answer.tokens) == 4
    assert not answer.finished


def test_end_tokens_come_from_everywhere(model):
    kept, model.generation_config = model.generation_config, GenerationConfig(eos_token_id=[7, 8])
    assert end_ids(model, SimpleNamespace(eos_token_id=9), (10,)) == {2, 7, 8, 9, 10}
    model.generation_config = kept
    assert end_ids(model, SimpleNamespace(eos_token_id=None)) == {2}
