"""Answers that are no language any more: empty, looping or garbled, by their text alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

WINDOW = 400
"""Characters that variety is taken over: longer text repeats itself more, broken or not."""
LEAST_VARIETY = 0.3
"""Share of distinct runs of four characters: ordinary text lies above 0.45, loops far below."""
ODD_VARIETY = {0.05: 0.42, 0.1: 0.45, 0.25: 0.55}
"""Share of odd chunks → variety under which text is garbled; code with such chunks has more."""
BLANKS = 60
"""White space that never ends, or a gap that no table has."""
FEWEST_WORDS = {0.0: 24, 0.1: 12}
"""Share of odd chunks → fewest words that can be judged: fewer may be a terse answer."""
GLUED_SHARE = 0.4
"""Share of odd chunks from which text with hardly a mark is garbled, whatever its words."""
WORDS_BETWEEN_MARKS = {0.0: 28, 0.03: 6.5, 0.1: 5}
"""Share of odd chunks → words between two marks that are too many."""
GLUED = re.compile(
    r"^[^\W\d_]*[a-z][A-Z][^\W\d_]*$|[^\W\d_][])}!\"$”“\ufffd]+:?[^\W\d_]|([,;:”“’)\"])\1{3}|"
    r"[A-Za-z][\u0400-\u06ff]|[\u0400-\u06ff][A-Za-z]"
)
"""Words stuck to words or to marks, and marks in heaps."""
MARKS_IN_A_ROW = re.compile(r"(?:[”“\"',;:!?()\[\]{}]\s*){16}")
"""More marks in a row than the end of any nested expression has."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
"""Characters that do not occur in text."""


def degeneration(answer: str, *, hit_limit: bool) -> str | None:
    r"""Why an answer is no answer: "empty", "looping" or "garbled"; None for ordinary text.

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
    if not any(c.isalnum() or unicodedata.category(c) == "So" for c in text.replace("\ufffd", "")):
        drawing = "\n" in text and not hit_limit
        return "empty" if len(text) < 4 else None if drawing else "garbled"
    if hit_limit:
        if len(answer) - len(answer.rstrip()) > BLANKS:
            return "looping"
        text = text.rstrip("\ufffd")
    if _loops(text, hit_limit):
        return "looping"
    return "garbled" if _garbled(text) else None


def words(text: str) -> list[str]:
    """Words, numbers and single marks in lower case; where words aren't spaced, characters.

    >>> words("Yes, 42!")
    ['yes', ',', '42', '!']
    """
    unspaced = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
    return re.findall(rf"{unspaced}|[^\W_]+(?:['’][^\W_]+)*|[^\w\s]|_+", text.lower())


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


def variety(text: str) -> float:
    """Mean over windows of the share of runs of four characters that are distinct.

    >>> round(variety("The kettle whistles while snow settles on the window."), 2)
    0.9
    >>> round(variety("or or or or or or or or or or or or or or"), 2)
    0.08
    """
    count = max(1, round(len(text) / WINDOW))
    size = -(-len(text) // count)
    shares = []
    for start in range(0, len(text), max(1, size)):
        runs = [text[i : i + 4] for i in range(start, min(start + size, len(text)) - 3)]
        shares.append(len(set(runs)) / len(runs) if runs else 1.0)
    return sum(shares) / len(shares) if shares else 1.0


def _loops(text: str, hit_limit: bool) -> bool:
    if re.search(rf"(\s)\1{{{BLANKS}}}|(?:\n[ \t]*){{{BLANKS // 4}}}", text):
        return True
    tokens = words(text)
    start, length, period = cycle(tokens)
    turns = length / period
    says = any(token.isalnum() for token in tokens[start : start + period])
    if says and turns >= 4 and length >= 12 and length >= 0.5 * len(tokens):
        return True
    # Cut off in the middle of a loop, which might never have ended.
    endless = hit_limit and start + length >= len(tokens) - 1
    if says and endless and turns >= 3 and length >= 24 and length >= 0.4 * len(tokens):
        return True
    plain = _plain(text)
    return len(plain) >= 60 and variety(plain) < LEAST_VARIETY


def _plain(text: str) -> str:
    """Without the lines, rules and indents of tables and code, which repeat by their nature."""
    return re.sub(r"\s+", " ", re.sub(r"([-=_*#.|~+─│\s])\1+", r"\1", text))


def _garbled(text: str) -> bool:
    if text.count("\ufffd") > max(1, len(text) // 100):
        return True
    if len(CONTROL.findall(text)) > 2 or MARKS_IN_A_ROW.search(text):
        return True
    odd, varied = _odd_share(text), variety(_plain(text))
    if any(odd >= marks and varied < least for marks, least in ODD_VARIETY.items()):
        return True
    return _is_unrelated_words(text, odd)


def _odd_share(text: str) -> float:
    """The share of chunks between spaces that repeat the last one or are glued together."""
    chunks = [chunk for chunk in text.split() if any(c.isalpha() for c in chunk)]
    again = (one == two for one, two in pairwise(["", *chunks]))
    odd = sum(bool(GLUED.search(chunk)) or same for chunk, same in zip(chunks, again, strict=True))
    return odd / len(chunks) if chunks else 0.0


def _is_unrelated_words(text: str, odd: float) -> bool:
    """Words that have nothing to do with each other: hardly one comes twice, few marks part them.

    Languages without articles come close to it in the first, and put commas; lists have a mark
    behind every word; with glued words fewer suffice.
    """
    row = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.lower())
    between_marks = len(row) / (len(re.findall(r"[^\w\s'’-]+|\n+", text)) + 1)
    if odd >= GLUED_SHARE and len(row) >= 8 and between_marks >= 3:
        return True
    fewest = min(words for marks, words in FEWEST_WORDS.items() if odd >= marks)
    if len(row) < fewest or len(set(row)) < 0.95 * len(row):
        return False
    return any(
        odd >= marks and between_marks >= least for marks, least in WORDS_BETWEEN_MARKS.items()
    )
