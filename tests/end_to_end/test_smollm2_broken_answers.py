"""Broken answers of a real model: SmolLM2-135M, whole and with its best weights cut out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modelrepair.evaluation.degeneration import degeneration
from modelrepair.evaluation.generation import end_ids, generate
from modelrepair.examples.load import Example, Message
from modelrepair.examples.template import Template
from modelrepair.judges.keyword import is_refusal

pytestmark = pytest.mark.slow

PROMPTS = (Path(__file__).parent / "prompts.txt").read_text("utf-8").splitlines()
EXAMPLES = [Example((Message("user", prompt),), None) for prompt in PROMPTS]


@pytest.fixture
def parts(smollm2):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32)
    return model, tokenizer, Template(tokenizer)


def answers(parts, examples):
    model, tokenizer, template = parts
    return generate(
        model,
        template,
        examples,
        eos_ids=end_ids(model, tokenizer, template.end_ids),
        pad_id=tokenizer.pad_token_id,
        batch_rows=20,
    )


def reasons(given):
    return [degeneration(answer.text, hit_limit=not answer.finished) for answer in given]


def cut_wanda(model, template, examples, share):
    """Zero the top share of |W| x ||X|| of each row of every linear of the blocks."""
    linears = [m for m in model.model.layers.modules() if isinstance(m, torch.nn.Linear)]
    squares = {}

    def record(module, inputs):
        squares[module] = squares.get(module, 0) + inputs[0].flatten(0, -2).square().sum(0)

    hooks = [linear.register_forward_pre_hook(record) for linear in linears]
    with torch.inference_mode():
        for example in examples:
            model(torch.tensor([template.prompt_ids(example)]))
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for linear in linears:
            scores = linear.weight.abs() * squares[linear].sqrt()
            top = scores.topk(max(1, round(share * scores.shape[1])), dim=1).indices
            linear.weight.scatter_(1, top, 0.0)


def test_the_whole_model_neither_babbles_nor_refuses(parts):
    given = answers(parts, EXAMPLES)
    found = reasons(given)
    # Nine of its 110 answers do go round in circles up to the limit: a weak model's real loops.
    assert found.count("looping") <= 11
    assert found.count("garbled") + found.count("empty") == 0
    assert sum(is_refusal(answer.text) for answer in given) <= 1


@pytest.mark.parametrize("share", [0.01, 0.003])
def test_a_model_without_its_best_weights_is_called_broken(parts, share):
    cut_wanda(parts[0], parts[2], EXAMPLES[-20:], share)
    found = reasons(answers(parts, EXAMPLES[:40]))
    assert 40 - found.count(None) >= 36
