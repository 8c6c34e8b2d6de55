"""Panels of a few prompts under the templates of `tests.support.chat_tokenizers`."""

from __future__ import annotations

from typing import Any

from modelrepair.evaluation.panel import Panel
from modelrepair.examples.example import Example, Message
from modelrepair.examples.splits import Split, Splits
from modelrepair.examples.template import Template
from modelrepair.judges.keyword import KeywordJudge
from tests.support.chat_tokenizers import make_tokenizer


def ask(text: str, response: str | None = None) -> Example:
    """A question of one turn."""
    return Example((Message("user", text),), response)


def panel_of(style: str, texts: list[str], **limits: Any) -> Panel:
    """These questions as harmful prompts to report on."""
    splits = Splits({"realign": Split((), (), tuple(map(ask, texts)))}, {}, ())
    limits = {"max_new_tokens": 32, "max_thought_tokens": 120, "token_budget": 2048, **limits}
    return Panel(splits, Template(make_tokenizer(style)), KeywordJudge(), **limits)
