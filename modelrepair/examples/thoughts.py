"""Thoughts before an answer: which marks they stand between, and what is left without them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelrepair.errors import UsageError


@dataclass(frozen=True)
class Marks:
    """What stands before and behind a thought.

    Args:
        open: begins it.
        close: ends it; the answer follows.
        before: what a written thought has between ``open`` and its first word.
        after: likewise between its last word and ``close``.
        gap: between ``close`` and the answer.
    """

    open: str
    close: str
    before: str = "\n"
    after: str = "\n"
    gap: str = "\n\n"


def _plain(open: str, close: str) -> Marks:
    return Marks(open, close, before="", after="", gap="")


KNOWN = (
    Marks("<think>", "</think>"),
    _plain("[THINK]", "[/THINK]"),
    # In gpt-oss everything but the final channel is no answer; a turn may begin with any.
    Marks(
        "<|channel|>",
        "<|channel|>final<|message|>",
        before="analysis<|message|>",
        after="<|end|><|start|>assistant",
        gap="",
    ),
    _plain("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks("<seed:think>", "</seed:think>"),
    Marks("<thinking>", "</thinking>"),
    Marks("<thought>", "</thought>"),
    Marks("<reasoning>", "</reasoning>"),
    Marks("◁think▷", "◁/think▷"),
    Marks("<|begin_of_thought|>", "<|end_of_thought|>"),
    Marks("<|thinking|>", "<|/thinking|>"),
    Marks("<|thought_start|>", "<|thought_end|>"),
    Marks("<unused94>thought", "<unused95>"),
    _plain("<think_fast>", "</think_fast>"),
)
"""As models that are used write them."""
OPENINGS = tuple(marks.open for marks in KNOWN)


@dataclass(frozen=True)
class Parted:
    """A reply without its thoughts.

    Args:
        answer: what is not inside a thought.
        unfinished: True where a thought never ends, False where all do, None where none was there.
    """

    answer: str
    unfinished: bool | None


@dataclass(frozen=True)
class Thoughts:
    """How one model marks its thoughts.

    >>> thoughts = Thoughts(KNOWN[:1])
    >>> thoughts.part("<think>I should not.</think>Sure!")
    Parted(answer='Sure!', unfinished=False)
    >>> thoughts.part("<think>I should not, or")
    Parted(answer='', unfinished=True)
    >>> Thoughts(KNOWN[:1], opened=True).part("I should not.</think>Sure!").answer
    'Sure!'

    Args:
        marks: in the order in which they are preferred.
        opened: whether the prompt has opened a thought already.
    """

    marks: tuple[Marks, ...] = ()
    opened: bool = False

    def seen_in(self, reply: str) -> Thoughts:
        """These, and any known marks that the reply begins with: not every template names them."""
        start = reply.lstrip()
        if not start.startswith(OPENINGS):
            return self  # asked for every token of every reply
        more = (each for each in KNOWN if each not in self.marks and start.startswith(each.open))
        return Thoughts((*self.marks, *more), self.opened)

    def opening(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """Where the first thought begins: start and end of its mark."""
        return _first(text, (each.open for each in self.marks), start)

    def closing(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """Where the first thought ends: start and end of its mark."""
        return _first(text, (each.close for each in self.marks), start)

    def in_text(self, text: str) -> bool:
        """Whether a text has any of the marks."""
        return self.opening(text) is not None or self.closing(text) is not None

    def open_at_end(self, text: str) -> bool:
        """Whether a text ends inside a thought."""
        return self.part(text).unfinished is True

    def part(self, reply: str) -> Parted:
        """The answer in a reply.

        A reply may end a thought that it never began (many templates begin it), and think again
        in its middle.
        """
        seen = self.seen_in(reply)
        first, last = seen.opening(reply), seen.closing(reply)
        thinking = self.opened or (last is not None and (first is None or last[0] <= first[0]))
        kept, position, unfinished = "", 0, None
        while True:
            if thinking:
                closed = seen.closing(reply, position)
                if closed is None:
                    return Parted(kept, unfinished=True)
                position, unfinished = closed[1], False
            opened = seen.opening(reply, position)
            if opened is None:
                return Parted(kept + reply[position:], unfinished)
            # Some marks of an end begin like a beginning: it is looked for from there on.
            kept, position, thinking = kept + reply[position : opened[0]], opened[0], True

    def first(self, reply: str) -> str | None:
        """The thought that a reply begins with, where the prompt has opened it; None without one.

        >>> Thoughts(KNOWN[:1], opened=True).first("Two and two.</think>4")
        'Two and two.'
        >>> Thoughts(KNOWN[:1]).first("<think>Two and two.</think>4")

        Args:
            reply: with its marks.
        """
        closed = self.closing(reply) if self.opened else None
        return None if closed is None else reply[: closed[0]].strip() or None

    def written(self, prompt: str, thought: str, start: int) -> str | None:
        r"""A prompt with a thought in the place of its empty or open one, up to the answer.

        >>> Thoughts(KNOWN[:1]).written("Hi. <think>\n\n</think>\n\n", "Greet.", 0)
        'Hi. <think>\nGreet.\n</think>\n\n'

        Args:
            prompt: what stands before an answer.
            thought: what was thought.
            start: where the turn of the answer may begin: what the user says is left alone.

        Returns:
            None where the model has no marks for thoughts.
        """
        if not self.marks:
            return None
        opened, closed = self.opening(prompt, start), self.closing(prompt, start)
        stem = prompt if opened is None else prompt[: opened[0]]
        marks = next((m for m in self.marks if prompt.startswith(m.open, len(stem))), self.marks[0])
        gap = marks.gap if closed is None else prompt[closed[1] :]
        inner = f"{marks.before}{thought.strip()}{marks.after}"
        return f"{stem}{marks.open}{inner}{marks.close}{gap}"


def find_thoughts(texts: Iterable[str], given: Sequence[str] = ()) -> Thoughts:
    """The marks that a model's chat template or its tokens name, and those that the user names.

    >>> [each.open for each in find_thoughts(["{{ '<think>' }}"], ["<plan> </plan>"]).marks]
    ['<plan>', '<think>']

    Args:
        texts: the chat template, then the special and added tokens.
        given: as the user types them, see `parse_marks`.
    """
    known = (each for text in texts for each in KNOWN if each.open in text or each.close in text)
    return Thoughts(tuple(dict.fromkeys([*map(parse_marks, given), *known])))


def parse_marks(text: str) -> Marks:
    """Marks as an option has them: what opens a thought and what closes it, a space between.

    >>> parse_marks("<plan> </plan>").close
    '</plan>'

    Raises:
        UsageError: it is not two different marks.
    """
    marks = text.split()
    if len(marks) != 2 or marks[0] == marks[1]:
        raise UsageError(
            f"{text!r} does not mark thoughts",
            hint='give what opens and what closes a thought: --thought-markers "<plan> </plan>"',
        )
    return Marks(*marks)


def own_thought(response: str) -> tuple[str | None, str]:
    r"""The thought that an answer of a set begins with, and the answer.

    >>> own_thought("<think>\nTwo and two.\n</think>\n\n4")
    ('Two and two.', '4')
    >>> own_thought("4")
    (None, '4')
    """
    start = len(response) - len(response.lstrip())
    for marks in KNOWN:
        end = response.find(marks.close, start)
        if response.startswith(marks.open, start) and end >= 0:
            inner = response[start + len(marks.open) : end]
            thought = inner.removeprefix(marks.before).removesuffix(marks.after).strip()
            return thought or None, response[end + len(marks.close) :].lstrip()
    return None, response


def _first(text: str, marks: Iterable[str], start: int) -> tuple[int, int] | None:
    found = ((at, at + len(mark)) for mark in marks if (at := text.find(mark, start)) >= 0)
    return min(found, default=None)
