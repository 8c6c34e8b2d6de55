"""Room for thoughts: when each row of a batch that is being answered has said enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from modelrepair.examples.thoughts import KNOWN, Parted, Thoughts

if TYPE_CHECKING:
    from modelrepair.examples.example import Example
    from modelrepair.examples.template import Template

NEWEST = 48
"""Tokens that marks are looked for in: the longest mark, a token for each of its bytes."""


@dataclass(frozen=True)
class Room:
    """How many tokens a reply may have.

    Args:
        answer: outside of thoughts.
        thought: inside them; the marks count as theirs.
        thoughts: how the model marks them.
        decode: tokens to text, special tokens shown.
        bare: takes special tokens out of such a text.
    """

    answer: int
    thought: int
    thoughts: Thoughts
    decode: Callable[[list[int]], str]
    bare: Callable[[str], str]

    @property
    def whole(self) -> int:
        """The longest reply."""
        return self.answer + self.thought

    def part(self, tokens: list[int]) -> Parted:
        """The answer in a reply, without special tokens."""
        parted = self.thoughts.part(self.decode(tokens))
        return Parted(self.bare(parted.answer).strip(), parted.unfinished)


class Thinker(Protocol):
    """What a reply is read with: a model's template, or a guard's form."""

    @property
    def thoughts(self) -> Thoughts:
        """How the model marks its thoughts."""
        ...

    def decode(self, ids: Sequence[int], /, *, special: bool = False) -> str:
        """Tokens to text; with ``special`` its special tokens are shown."""
        ...

    def bare(self, text: str, /) -> str:
        """A text without the special tokens in it."""
        ...


def room_of(template: Thinker, answer: int, thought: int) -> Room:
    """The room for replies under a template."""
    shown = partial(template.decode, special=True)
    return Room(answer, thought, template.thoughts, shown, template.bare)


@dataclass(frozen=True)
class Asking:
    """A template as it asks a model, which may think first."""

    template: Template

    def prompt_ids(self, example: Example) -> list[int]:
        """The tokens that the model is to continue."""
        return self.template.asked_ids(example)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a reply."""
        return self.template.decode(ids)


class Watch:
    """Ends each row at its own limit; transformers asks it after every token.

    What it decides depends on the row's own tokens alone, so a row's neighbours change nothing.
    Tokens are read where a row may have come to a limit: most replies end long before.

    Args:
        room: the limits.
        rows: of the batch.
        width: of its prompts, in tokens.
    """

    def __init__(self, room: Room, rows: int, width: int) -> None:
        self.rows = [_Row(room) for _ in range(rows)]
        self.width = width
        self.due = 0

    def __call__(self, ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """Which rows are done."""
        if ids.shape[1] - self.width >= self.due:
            for row, reply in zip(self.rows, ids[:, self.width :].tolist(), strict=True):
                row.reads(reply)
            self.due = min((row.due for row in self.rows if not row.done), default=self.due)
            self.done = torch.tensor([row.done for row in self.rows], device=ids.device)
        return self.done

    def cut(self, replies: list[list[int]]) -> list[list[int]]:
        """What each row said until it was done; what follows is padding."""
        said = zip(self.rows, replies, strict=True)
        return [reply[: len(row.tokens)] if row.done else reply for row, reply in said]


class _Row:
    """The reply of one row so far."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.thoughts = room.thoughts
        self.thinking = self.thought = room.thoughts.opened
        self.longest = max(len(each.open) for each in (*room.thoughts.marks, *KNOWN))
        self.tokens: list[int] = []
        self.since = 0  # where the last thought ended
        self.inside = self.outside = 0
        self.done = False

    @property
    def due(self) -> int:
        """The fewest tokens with which the reply may be long enough."""
        outside = self.outside if self.thought else len(self.tokens)
        left = min(self.room.answer - outside, self.room.thought - self.inside)
        return len(self.tokens) + max(1, left)

    def reads(self, reply: list[int]) -> None:
        """Take the tokens that were not taken yet, where they may be enough."""
        if self.done or len(reply) < self.due:
            return
        if not self.tokens and self._is_plain(reply):
            self.tokens = reply[: self.due - 1]
        for token in reply[len(self.tokens) :]:
            if self.takes(token):
                return

    def takes(self, token: int) -> bool:
        """Whether the reply is long enough with this token."""
        self.tokens.append(token)
        count = len(self.tokens)
        text = self.room.decode(self.tokens[max(self.since, count - NEWEST) :])
        if count <= NEWEST and not self.since:
            self.thoughts = self.room.thoughts.seen_in(text)
        opened = self.thoughts.opening(text)
        if self.thinking:
            self.inside += 1
            if self.thoughts.closing(text, 0 if opened is None else opened[0]) is not None:
                self.thinking, self.since = False, count
        elif not self.thought and self._strays(text, opened):
            self.thought, self.since, self.outside = True, count, 0
        elif opened is not None:
            self.thinking = self.thought = True
            self.inside += 1
            self.outside = 0 if not text[: opened[0]].strip() and not self.since else self.outside
        elif not self.thought:
            self.outside = 0 if self._begins(text.lstrip()) else count
        else:  # white space behind a thought is not yet the answer
            self.outside += bool(self.outside or text.strip())
        self.done = self.outside >= self.room.answer or (
            self.thinking and self.inside >= self.room.thought
        )
        return self.done

    def _is_plain(self, reply: list[int]) -> bool:
        """Whether no thought begins or ends in a reply: then its tokens need not be read singly."""
        thoughts, text = self.room.thoughts, self.room.decode(reply)
        marked = thoughts.opened or thoughts.in_text(text)
        return not marked and thoughts.seen_in(text) is thoughts

    def _strays(self, text: str, opened: tuple[int, int] | None) -> bool:
        """Whether a thought ends that was never begun."""
        closed = self.thoughts.closing(text)
        return closed is not None and (opened is None or closed[0] <= opened[0])

    def _begins(self, text: str) -> bool:
        """Whether a reply may be about to open a thought: its mark is more than one token."""
        if not text or len(text) > self.longest:
            return False
        marks = (*self.thoughts.marks, *KNOWN)
        return any(each.open.startswith(text) for each in marks)
