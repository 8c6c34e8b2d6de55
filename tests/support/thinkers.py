"""Models on disk that say the same whatever they are asked, word for word, thoughts among it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from modelrepair.examples.example import Example, Message
from modelrepair.examples.template import Template
from tests.support.chat_tokenizers import make_tokenizer

WIDTH = 64


def thinker(folder: Path, style: str, says: Sequence[str]) -> Path:
    """A whole checkpoint; each piece of what it says is a token of its own, which names the next.

    Its embedding keeps a direction for every piece, its head looks for the one before, and its
    blocks hardly matter: a repair may mask what it likes in them.

    Args:
        folder: where it is to lie.
        style: of its chat template.
        says: no piece is part of another, and the last one ends the answer.
    """
    torch.manual_seed(0)
    tokenizer = make_tokenizer(style)
    tokenizer.add_tokens(list(says))
    asked = Template(tokenizer).asked_ids(Example((Message("user", "how?"),), None))
    chain = [asked[-1], *tokenizer.convert_tokens_to_ids(list(says))]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            bos_token_id=None,
            eos_token_id=chain[-1],
            initializer_range=1e-3,
        )
    )
    with torch.no_grad():
        embedding, head = model.get_input_embeddings().weight, model.lm_head.weight
        for place, (token, following) in enumerate(pairwise(chain)):
            embedding[token] = torch.eye(WIDTH)[place]
            head[following] = torch.eye(WIDTH)[place]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
