"""Whether an answer of a user's task is right: a word to the letter, or the number at its end."""

from __future__ import annotations

import re

from modelrepair_lab.paper.places import FINAL

NUMBER = re.compile(r"-?\d+\.?\d*")


def is_right(expected: str, answer: str) -> bool:
    r"""Whether an answer is the expected one, as the paper's scripts count.

    Where the expected one announces a number, the number counts and nothing else; else the words.

    >>> is_right("Add.\nThe final answer is: 1,200", "So 12 * 100. The final answer is: 1200")
    True
    >>> is_right("positive", "positive "), is_right("positive", "It is positive.")
    (True, False)

    Args:
        expected: the set's answer.
        answer: the model's.
    """
    if FINAL in expected:
        wanted, found = number_of(expected), number_of(answer)
        return wanted is not None and wanted == found
    return answer.split() == expected.split()


def number_of(text: str) -> float | None:
    """The number after the announcement; without one the last of all; None where there is none.

    >>> number_of("First 3. The final answer is: $14.50 for 2"), number_of("3 and 4"), number_of("")
    (14.5, 4.0, None)
    """
    text = text.replace(",", "")
    _, announced, after = text.partition(FINAL.strip())
    found = NUMBER.findall(after) if announced else []
    if found:
        return float(found[0])
    last = NUMBER.findall(text)
    return float(last[-1]) if last else None
