"""The text before an answer: what a chat template puts there, and where a thought has its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2

from modelrepair.checkpoint.bounded import SECONDS, TooLong, try_template, within
from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.example import Example, Message
from modelrepair.examples.thoughts import Thoughts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Stands for the answer where a template is asked what comes before any answer.
PROBE = "modelrepair probe answer"

# Templates that print today's date would make another mask every day. This is the day that
# Llama's own template falls back to.
DATE = "26 Jul 2024"
CALENDAR = {"%d": "26", "%b": "Jul", "%B": "July", "%m": "07", "%y": "24", "%Y": "2024"}
FIXED_DATE = (
    "{%- macro strftime_now(format) -%}{{- format"
    + "".join(f".replace('{code}', '{value}')" for code, value in CALENDAR.items())
    + " -}}{%- endmacro -%}"
)


@dataclass(frozen=True)
class Places:
    """Where the turn of an answer begins.

    Args:
        before: what the template puts before the answer of a finished turn.
        prompt: likewise, with an empty thought where the template has or opens one.
        asked: what a model gets that is to answer.
    """

    before: str
    prompt: str
    asked: str


def places_of(opened: str, answered: str, thoughts: Thoughts) -> Places:
    r"""Where the answer's turn begins, by a prompt as it is opened and as it is answered.

    >>> from modelrepair.examples.thoughts import KNOWN
    >>> places_of("Hi <think>\n", f"Hi {PROBE}.", Thoughts(KNOWN[:1])).prompt
    'Hi <think>\n\n</think>\n\n'

    Args:
        opened: the prompt with what the template puts behind it for a model that is to answer.
        answered: the prompt with `PROBE` as its answer.
        thoughts: the marks of the model's thoughts.

    Raises:
        ExampleSetError: the answer is nowhere.
    """
    border = answered.rfind(PROBE)
    if border < 0:
        raise ExampleSetError(
            "the chat template leaves the answer out", hint="check the model's chat template"
        )
    # White space between the prompt and the answer is the model's to write, and a token
    # often holds it together with the first word. Anything else that only an answered
    # prompt has (an empty think block, a channel) is no part of the answer.
    length = shared(opened, answered[:border])
    first = thoughts.opening(opened, max(0, length - 64))
    if first is not None and first[0] < length < first[1]:
        length = first[0]  # two marks with the same beginning are not shared in parts
    more, between = opened[length:], answered[length:border]
    before = answered[:border] if between.strip() else answered[:length]
    # What only the opened prompt has belongs to it where it is about thoughts: an open one,
    # which the model is to end, or an empty one, which stands before answers in pairs, too.
    in_more, in_between = thoughts.in_text(more), thoughts.in_text(between)
    emptied = opened + between if between.strip() and not in_between else opened
    ends = thoughts.closing(more) is not None
    prompt = emptied if ends else before
    if in_more and not ends and not in_between and thoughts.open_at_end(more):
        # A model that is always asked inside a thought never answers outside of one.
        prompt = thoughts.written(opened, "", length) or before
    return Places(before, prompt, opened if in_more or in_between else before)


def render(
    tokenizer: PreTrainedTokenizerBase,
    source: str,
    messages: Sequence[Message],
    response: str | None,
) -> str:
    """The text that a chat template makes of messages, with an answer or opened for one.

    Raises:
        ExampleSetError: the template does not take these messages.
    """
    turns = [{"role": turn.role, "content": turn.content} for turn in messages]
    if response is not None:
        turns.append({"role": "assistant", "content": response})
    settings: dict[str, Any] = {"enable_thinking": False, "date_string": DATE}
    try:
        with within(SECONDS):
            text = tokenizer.apply_chat_template(
                turns,
                chat_template=source,
                tokenize=False,
                add_generation_prompt=response is None,
                **settings,
            )
    except TooLong:
        raise UnsupportedModelError(
            f"the chat template did not end within {SECONDS:.0f} seconds",
            hint="don't trust this template: it loops",
            id="chat-template-fails",
        ) from None
    except (jinja2.TemplateError, ValueError, TypeError, OverflowError, RecursionError) as error:
        roles = ", ".join(turn["role"] for turn in turns)
        raise ExampleSetError(
            f"the chat template refuses the turns {roles}",
            # A template's own words may quote the example: for the screen alone.
            hint=f"write it with the turns that this model knows; it says: {str(error)[:200]}",
        ) from error
    return str(text)


def check_ends(tokenizer: PreTrainedTokenizerBase, source: str) -> None:
    """Refuse a chat template that loops or fills the memory, before this process renders it.

    Raises:
        UnsupportedModelError: it does.
    """
    tokens = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    if (reason := _reason_of(source, tuple(sorted(tokens.items())))) is not None:
        raise UnsupportedModelError(
            f"the chat template can't be used: {reason}",
            hint="don't trust this template: a real one renders in milliseconds",
            id="chat-template-fails",
        )


@cache
def _reason_of(source: str, tokens: tuple[tuple[str, str], ...]) -> str | None:
    asked = {"role": "user", "content": "Hello"}
    answered = [asked, {"role": "assistant", "content": "Hi!"}]
    system = {"role": "system", "content": "Be brief."}
    conversations = [
        ([asked], True),
        (answered, False),
        ([system, asked], True),
        ([system, *answered, asked], True),
    ]
    settings = {"enable_thinking": False, "date_string": DATE, **dict(tokens)}
    return try_template(source, conversations, settings)


def shared(first: Sequence[object], second: Sequence[object]) -> int:
    """How many items both begin with."""
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def turn_start(example: Example, prompt: str) -> int:
    """Where in a prompt the user's last message ends, and with it what is not the template's."""
    said = example.messages[-1].content.strip()
    return max(0, prompt.rfind(said)) + len(said) if said in prompt else 0


def plain(messages: Sequence[Message]) -> str:
    """Instructions as Alpaca wrote them, for models without a chat template."""
    parts = {
        "system": "{}\n\n",
        "user": "### Instruction:\n{}\n\n",
        "assistant": "### Response:\n{}\n\n",
    }
    text = "".join(parts[message.role].format(message.content) for message in messages)
    return text + "### Response:\n"


def template_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """The chat template of a tokenizer that has one, with a fixed day where it asks for today's.

    Raises:
        UnsupportedModelError: it has several, and none by default.
    """
    try:
        text = str(tokenizer.get_chat_template())
    except ValueError as error:
        raise UnsupportedModelError(
            f"no default chat template: {str(error)[:200]}", hint="name one of them 'default'"
        ) from error
    return FIXED_DATE + text if "strftime_now" in text else text


def as_sent(tokenizer: Any, text: str) -> str:
    """A rendered text as a server is given it, which puts the tokenizer's own first token before.

    Where the template has written that token already, it is left out, so that the model reads it
    once.

    Args:
        tokenizer: of the model.
        text: as its template renders it.
    """
    first = tokenizer.bos_token
    if first is None or not text.startswith(first):
        return text
    with_own = list(tokenizer("").input_ids)[:1] == [tokenizer.bos_token_id]
    return text.removeprefix(first) if with_own else text
