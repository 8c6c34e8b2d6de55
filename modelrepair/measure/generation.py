"""Greedy answers to prompts, in batches, the same whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from transformers import GenerationConfig

from modelrepair.progress import Progress, Silent

Prompt = TypeVar("Prompt", contravariant=True)


class Form(Protocol[Prompt]):
    """Turns prompts into tokens and tokens into text: a model's template, or a guard's form."""

    def prompt_ids(self, example: Prompt, /) -> list[int]:
        """The tokens that the model is to continue."""
        ...

    def decode(self, ids: list[int], /) -> str:
        """The text of an answer, without special tokens."""
        ...


@dataclass(frozen=True)
class Answer:
    """What a model said to one prompt.

    Args:
        text: the answer without end and padding tokens.
        tokens: its token ids, likewise.
        finished: False where the token limit cut it off.
    """

    text: str
    tokens: tuple[int, ...]
    finished: bool


def generate(
    model: Any,
    template: Form[Prompt],
    examples: Sequence[Prompt],
    *,
    eos_ids: Collection[int],
    pad_id: int,
    max_new_tokens: int = 128,
    batch_rows: int = 16,
    progress: Progress | None = None,
) -> list[Answer]:
    """Answer each example's prompt greedily; answers come in the order of ``examples``.

        >>> ends = end_ids(model, tokenizer, template.end_ids)  # doctest: +SKIP
        >>> answers = generate(model, template, examples, eos_ids=ends, pad_id=2)  # doctest: +SKIP
        >>> answers[0].text  # doctest: +SKIP
        'The capital of France is Paris.'

    Nothing comes from the model's own generation settings: a repetition penalty or a minimum
    length would measure the settings. Prompts are sorted by length, then by their tokens, and cut
    into batches of ``batch_rows``, so the same examples always share a batch.

    Args:
        model: any transformers causal language model; it is put into evaluation mode.
        template: what turns an example into prompt tokens, and tokens into text.
        examples: whose prompts are answered; their responses are not looked at.
        eos_ids: the tokens that end an answer, see `end_ids`.
        pad_id: what shorter prompts are padded with, on the left, and never attended to.
        max_new_tokens: an answer is cut off here.
        batch_rows: prompts answered at a time.
        progress: where the work is shown, an example at a time.
    """
    model.eval()
    prompts = [list(template.prompt_ids(example)) for example in examples]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), prompts[i]))
    answers: dict[int, Answer] = {}
    ends = set(eos_ids)
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=sorted(ends) or None,
        pad_token_id=pad_id,
    )
    own = model.generation_config
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    try:
        with (progress or Silent()).step("answers", total=len(prompts)) as advance:
            for start in range(0, len(order), batch_rows):
                rows = order[start : start + batch_rows]
                replies = _batch(model, [prompts[i] for i in rows], settings)
                for i, reply in zip(rows, replies, strict=True):
                    answers[i] = _cut(reply, ends, template)
                advance(len(rows))
    finally:
        model.generation_config = own
    return [answers[i] for i in range(len(prompts))]


def _batch(model: Any, prompts: list[list[int]], settings: GenerationConfig) -> list[list[int]]:
    """The tokens that follow each prompt, padded on the right where a row ended early."""
    width = max(len(prompt) for prompt in prompts)
    pad = settings.pad_token_id
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    with torch.inference_mode():
        output = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=settings,
        )
    replies: list[list[int]] = output[:, width:].tolist()
    return replies


def _cut(reply: list[int], ends: set[int], template: Form[Any]) -> Answer:
    """The answer up to its first end token; padding can only stand behind one."""
    stop = next((i for i, token in enumerate(reply) if token in ends), None)
    tokens = tuple(reply[:stop])
    return Answer(template.decode(list(tokens)), tokens, finished=stop is not None)


def end_ids(model: Any, tokenizer: Any, template_ends: Collection[int] = ()) -> frozenset[int]:
    """Every token that ends an answer, wherever the model's files name it.

    Args:
        model: its configuration and its generation configuration may each name one or several.
        tokenizer: names at most one.
        template_ends: what the chat template puts behind a turn.
    """
    named = [
        getattr(model.generation_config, "eos_token_id", None),
        getattr(model.config, "eos_token_id", None),
        getattr(model.config.get_text_config(), "eos_token_id", None),
        getattr(tokenizer, "eos_token_id", None),
        list(template_ends),
    ]
    lists = [ids if isinstance(ids, list | tuple) else [ids] for ids in named]
    return frozenset(int(i) for ids in lists for i in ids if i is not None)
