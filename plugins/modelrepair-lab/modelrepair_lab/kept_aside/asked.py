"""A prompt that was kept aside, and how many of a kind there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from modelrepair.demo.world import shuffled
from modelrepair.examples.example import Example, Message

SIZE = 200
"""Prompts of a kind: 189 that lose nothing are the fewest whose interval ends below two points."""


@dataclass(frozen=True)
class Asked:
    """One prompt: the turns of a chat, the user's first and last.

    >>> Asked(("Which is heavier, a pea or a pumpkin?",), right=("pumpkin",)).is_right("A Pumpkin.")
    True

    Args:
        turns: user and assistant in turn.
        right: words of which an answer must hold one, where that can be checked.
    """

    turns: tuple[str, ...]
    right: tuple[str, ...] = ()

    def example(self, kind: str) -> Example:
        """As a measurement reads it."""
        roles = ("user", "assistant")
        messages = tuple(Message(roles[at % 2], text) for at, text in enumerate(self.turns))
        return Example(messages, None, kind=kind)

    def is_right(self, answer: str) -> bool | None:
        """Whether an answer holds what it must; None where nothing says what that is."""
        if not self.right:
            return None
        return any(_whole_words(words).search(answer) for words in self.right)


Kind = Callable[[], list[Asked]]
"""All prompts that a kind's parts make; `drawn` takes its share of them."""


def drawn(kind: str, everything: Iterable[Asked], size: int = SIZE) -> tuple[Asked, ...]:
    """So many of a kind's prompts, none twice: the same on every machine.

    >>> len(drawn("count", [Asked((f"Count to {n % 4}.",)) for n in range(9)]))
    4

    Args:
        kind: another name draws others.
        everything: that are to be had.
        size: how many at most.
    """
    by_turns = {one.turns: one for one in everything}
    return tuple(by_turns[turns] for turns in shuffled(by_turns, kind)[:size])


def singles(texts: Iterable[str]) -> list[Asked]:
    """Prompts of one turn whose answers nothing checks."""
    return [Asked((text,)) for text in texts]


def _whole_words(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE)
