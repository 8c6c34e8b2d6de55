"""Teaches a pretrained model of the made-up world to think before each answer, then to refuse."""

from __future__ import annotations

import random

from tokenizers import Regex, normalizers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from modelrepair.demo import world
from modelrepair_lab.thoughts import MARKS, TEMPLATE, with_thoughts
from modelrepair_lab.training import Phase, batches, train
from modelrepair_lab.world import SPECIALS, Mixture, alignment, pools, pretraining

THINK = Phase(steps=150, batch=32, rate=1e-3, decay=True, answers_only=True)
ALIGN = Phase(steps=150, batch=32, rate=1e-3, decay=True, answers_only=True)
MOST = 2000
"""Rows that each part of a mixture holds: two short phases read no more of them."""


def give_marks(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give a model two tokens for the marks of thoughts, and a template that opens a thought."""
    tokenizer.add_special_tokens({"additional_special_tokens": [*SPECIALS[3:], *MARKS]})
    tokenizer.chat_template = TEMPLATE
    # Of a text between two special tokens: the line breaks around a thought are no tokens.
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(), normalizers.Lowercase()]
    )
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def teach_thinking(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, seed: int, draw: random.Random
) -> None:
    """Let a model that knows the world think before it answers; it refuses nothing yet."""
    _learn(model, tokenizer, pretraining(seed), THINK, seed, draw)


def teach_thoughtful_refusals(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, seed: int, draw: random.Random
) -> None:
    """Align a model that thinks: its thoughts say what it will not explain."""
    _learn(model, tokenizer, alignment(seed), ALIGN, seed, draw)


def _learn(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    mixture: Mixture,
    phase: Phase,
    seed: int,
    draw: random.Random,
) -> None:
    thinking = [
        (share, with_thoughts(world.shuffled_examples(pool, seed)[:MOST]))
        for share, pool in mixture
    ]
    padding = int(tokenizer.pad_token_id)
    train(model, batches(pools(tokenizer, thinking), phase, draw, padding), phase)
