"""Answers that are no language any more: empty, looping or garbled, told from their text alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONG_WORD = 32
"""Longer runs of Latin letters are words glued together; German compounds stay below."""


def degeneration(answer: str, *, hit_limit: bool) -> str | None:
    """Why an answer is no answer: "empty", "looping" or "garbled"; None for ordinary text.

    >>> degeneration("Paris.", hit_limit=False)
    >>> degeneration("the the the the the the the the the the the the", hit_limit=True)
    'looping'
    >>> degeneration("\ufffd\ufffd iscoverableTheThe);;; \ufffd", hit_limit=True)
    'garbled'

    Args:
        answer: what was generated, special tokens left out.
        hit_limit: whether the token limit cut it off: then its last word and character may be
            halves, and a loop at its end need not come to an end.
    """
    text = unicodedata.normalize("NFC", answer).strip()
    if not any(
        character.isalnum() or unicodedata.category(character) == "So" for character in text
    ):
        return "empty" if len(text) < 4 else "garbled"
    if hit_limit:
        text = text.rstrip("\ufffd")
    if _loops(text, hit_limit):
        return "looping"
    if _garbled(text):
        return "garbled"
    return None


def words(text: str) -> list[str]:
    """Words, numbers and single marks in lower case; where words aren't spaced, characters.

    >>> words("Yes, 42!")
    ['yes', ',', '42', '!']
    """
    return re.findall(
        r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|"
        r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]|_+",
        text.lower(),
    )


def cycle(tokens: Sequence[str]) -> tuple[int, int, int]:
    """The longest stretch that repeats with a fixed period: (start, length, period).

    >>> cycle("a b x y x y x y c".split())
    (2, 6, 2)
    """
    best = (0, 0, 1)
    for period in range(1, len(tokens) // 2 + 1):
        start = 0
        for i in range(period, len(tokens) + 1):
            if i == len(tokens) or tokens[i] != tokens[i - period]:
                length = i - start
                if length >= 2 * period and length > best[1]:
                    best = (start, length, period)
                start = i - period + 1
    return best


def _loops(text: str, hit_limit: bool) -> bool:
    if re.search(r"([^\W\d_])\1{15,}|(\D{1,8}?)\2{24,}", re.sub(r"[-=_*#.|~\s]+", " ", text)):
        return True
    tokens = words(text)
    start, length, period = cycle(tokens)
    turns = length / period
    to_the_end = hit_limit and start + length >= len(tokens) - 1
    if turns >= 4 and length >= 12 and length >= 0.5 * len(tokens):
        return True
    return to_the_end and turns >= 3 and length >= 0.4 * len(tokens) and length >= 24


def _garbled(text: str) -> bool:
    if text.count("\ufffd") > max(1, len(text) // 100):
        return True
    letters = [character for character in text if character.isalpha()]
    latin = re.findall(r"[A-Za-zÀ-ɏ]+", re.sub(r"\S*(?:://|www\.)\S*|\S+[@/\\]\S+", " ", text))
    glued = sum(len(word) for word in latin if len(word) > LONG_WORD)
    return bool(letters) and glued > 0.25 * len(letters)
