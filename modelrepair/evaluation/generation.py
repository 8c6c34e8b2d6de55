"""Greedy answers to prompts, in batches, the same whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby
from typing import Any, Protocol, TypeVar

import torch
from transformers import GenerationConfig

from modelrepair import ranks
from modelrepair.engine.stops import stop_tokens
from modelrepair.evaluation.thinking import Room, Watch
from modelrepair.progress import Progress

Prompt = TypeVar("Prompt", contravariant=True)


class PromptForm(Protocol[Prompt]):
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
        text: the answer without end and padding tokens, and without thoughts.
        tokens: all that was said, thoughts among it, without end and padding tokens.
        finished: False where a limit cut it off.
        unfinished_thought: True where a thought never ended, False where all did, None where none
            was there.
    """

    text: str
    tokens: tuple[int, ...]
    finished: bool
    unfinished_thought: bool | None = None


def generate(
    model: Any,
    template: PromptForm[Prompt],
    examples: Sequence[Prompt],
    *,
    eos_ids: Collection[int],
    pad_id: int,
    max_new_tokens: int = 128,
    batch_rows: int = 16,
    thinking: Room | None = None,
    context: int | None = None,
    progress: Progress | None = None,
) -> list[Answer]:
    """Answer each example's prompt greedily; answers come in the order of ``examples``.

        >>> ends = end_ids(model, tokenizer, template.end_ids)  # doctest: +SKIP
        >>> answers = generate(model, template, examples, eos_ids=ends, pad_id=2)  # doctest: +SKIP
        >>> answers[0].text  # doctest: +SKIP
        'The capital of France is Paris.'

    Nothing comes from the model's own generation settings: a repetition penalty or a minimum
    length would measure the settings. Prompts are sorted by length, then by their tokens, and cut
    into batches of ``batch_rows``, so the same examples always share a batch, and
    ranks take whole ones in turn. Where prompt and answer together would be longer than the model's
    context, prompts of one length share a batch: each answer ends where the context does.

    Args:
        model: any transformers causal language model; it is put into evaluation mode.
        template: what turns an example into prompt tokens, and tokens into text.
        examples: whose prompts are answered; their responses are not looked at.
        eos_ids: the tokens that end an answer, see `end_ids`.
        pad_id: what shorter prompts are padded with, on the left, and never attended to.
        max_new_tokens: an answer is cut off here.
        batch_rows: prompts answered at a time.
        thinking: how thoughts are recognised and how long they may be, in place of
            ``max_new_tokens``; None takes all that is said for the answer.
        context: the most tokens that the model can read; a prompt that fills it has an empty
            answer.
        progress: where the work is shown, an example at a time.
    """
    model.eval()
    prompts = [list(template.prompt_ids(example)) for example in examples]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), prompts[i]))
    answers: dict[int, Answer] = {}
    turns = cycle(range(ranks.count()))
    ends = set(eos_ids)
    longest = max_new_tokens if thinking is None else thinking.whole
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=sorted(ends) or None,
        pad_token_id=pad_id,
    )
    limits = [longest if context is None else min(longest, context - len(p)) for p in prompts]
    own = model.generation_config
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    try:
        with (progress or Progress()).step("answers", len(prompts), "answers") as advance:
            for limit, group in groupby(order, key=limits.__getitem__):
                equal = list(group)
                if limit < 1:  # another template may make a prompt longer than the context
                    answers |= dict.fromkeys(equal, Answer("", (), finished=False))
                    advance(len(equal))
                    continue
                settings.max_new_tokens = limit
                for start in range(0, len(equal), batch_rows):
                    rows = equal[start : start + batch_rows]
                    if next(turns) == ranks.number():
                        replies = _batch(model, [prompts[i] for i in rows], settings, thinking)
                        for i, reply in zip(rows, replies, strict=True):
                            answers[i] = _cut(reply, ends, template, thinking)
                    advance(len(rows))
            for found in ranks.gather(answers):
                answers |= found
    finally:
        model.generation_config = own
    return [answers[i] for i in range(len(prompts))]


def _batch(
    model: Any, prompts: list[list[int]], settings: GenerationConfig, thinking: Room | None
) -> list[list[int]]:
    """The tokens that follow each prompt, padded on the right where a row ended early."""
    width = max(len(prompt) for prompt in prompts)
    pad = settings.pad_token_id
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    watch = None if thinking is None else Watch(thinking, len(prompts), width)
    with torch.inference_mode():
        output = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=settings,
            stopping_criteria=[] if watch is None else [watch],
        )
    replies: list[list[int]] = output[:, width:].tolist()
    return replies if watch is None else watch.cut(replies)


def _cut(
    reply: list[int], ends: set[int], template: PromptForm[Any], thinking: Room | None
) -> Answer:
    """The answer up to its first end token; padding can only stand behind one."""
    stop = next((i for i, token in enumerate(reply) if token in ends), None)
    tokens = tuple(reply[:stop])
    text = template.decode(list(tokens))
    if thinking is None:
        return Answer(text, tokens, finished=stop is not None)
    parted = thinking.part(list(tokens))
    if parted.unfinished is not None:
        text = parted.answer
    return Answer(text, tokens, stop is not None, parted.unfinished)


def end_ids(model: Any, tokenizer: Any, template_ends: Collection[int] = ()) -> frozenset[int]:
    """Every token that ends an answer, wherever the model's files name it.

    What is no token of the model ends nothing.

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
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    return frozenset(token for ids in named for token in stop_tokens(ids, vocabulary).known)
