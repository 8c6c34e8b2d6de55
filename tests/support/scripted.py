"""A model that answers from a script, word for word: what is measured of it is known beforehand."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

SIZES = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
HEADS = {"num_attention_heads": 1, "num_key_value_heads": 1}


class Scripted(LlamaForCausalLM):
    """Continues each prompt by the reply that belongs to the words in it.

    Args:
        tokenizer: of the prompts.
        replies: words of a prompt → the reply, with its end token where it has one; said again
            and again where it has none.
        positions: the length of its context.
    """

    def __init__(self, tokenizer: Any, replies: dict[str, str], positions: int = 4096) -> None:
        config = LlamaConfig(
            vocab_size=len(tokenizer), max_position_embeddings=positions, **SIZES, **HEADS
        )
        super().__init__(config)
        self.tokenizer = tokenizer
        self.replies = replies
        self.read = 0

    def forward(self, input_ids: Any, attention_mask: Any = None, **_: Any) -> Any:
        read = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        self.read = max(self.read, int(read.sum(1).max()))
        logits = torch.zeros(len(input_ids), 1, self.config.vocab_size)
        for row, text in enumerate(self.tokenizer.batch_decode(input_ids)):
            script = self._script(text)
            said = input_ids.shape[1] - self.width
            logits[row, 0, script[said % len(script)]] = 1
        return CausalLMOutputWithPast(logits=logits)

    def generate(self, input_ids: Any, **settings: Any) -> Any:
        self.width = input_ids.shape[1]
        return super().generate(input_ids, **settings)

    def prepare_inputs_for_generation(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def _script(self, prompt: str) -> list[int]:
        reply = next(said for words, said in self.replies.items() if words in prompt)
        return list(self.tokenizer(reply, add_special_tokens=False).input_ids)


@dataclass
class Held:
    """A skeleton in the one respect that answers need: it holds a whole model."""

    model: Any
    device: Any = field(default_factory=lambda: torch.device("cpu"))
    blocks: tuple[Any, ...] = ()
    shared: None = None

    @contextmanager
    def filled_model(self, read: Any) -> Any:
        yield self.model

    @contextmanager
    def filled_shell(self, read: Any) -> Any:
        yield

    @contextmanager
    def walk(self, order: Any, read: Any) -> Any:
        yield


def learned(positions: int, vocabulary: int = 50) -> Any:
    """A tiny random model whose positions are a table with so many rows."""
    torch.manual_seed(0)
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": positions}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **sizes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model
