"""Examples as tokens, in the styles of chat template that real models have."""

from __future__ import annotations

from functools import cache

from modelrepair.examples.example import Example, Message
from modelrepair.examples.template import Template
from tests.support.chat_tokenizers import make_tokenizer


@cache
def template(style: str) -> Template:
    """The template of this style, made once."""
    return Template(make_tokenizer(style))


def ask(text: str, response: str | None = None, system: str | None = None) -> Example:
    """One question, answered or not."""
    before = (Message("system", system),) if system else ()
    return Example((*before, Message("user", text)), response)
