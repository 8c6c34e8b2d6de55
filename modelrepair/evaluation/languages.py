"""In which language answers are, as py3langid says; only where it is clearly none that is known."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import Any

ALONE, POOL = 200, 400
"""Bytes of an answer that suffice to detect its language, and of shorter ones taken together."""
CLEARLY = 0.6
"""By how much likelier a byte must be under another language, in nats.

Measured: 1.6 to 4.9 for text in 18 other languages; 0.5 at most for words that are made up, code,
numbers, names and pidgin; 0.08 for an English answer that quotes a French sentence.
"""


def foreign(texts: Sequence[str], known: Collection[str]) -> list[str | None]:
    """The language of each text that is clearly in none of the known ones; None for the others.

    >>> german = "Es tut mir leid, aber dabei kann ich Ihnen nicht helfen. " * 4
    >>> foreign([german, "I'm sorry, but I can't help with that."], ["en"])
    ['de', None]

    Args:
        texts: answers in an order that does not depend on what they say.
        known: the languages that are fine, as ISO 639-1 codes.
    """
    found: list[str | None] = [None] * len(texts)
    pool: list[int] = []
    short = [index for index, text in enumerate(texts) if len(text.encode()) < ALONE]
    alone = [index for index in range(len(texts)) if index not in {*short}]
    for index in alone:
        found[index] = _language(texts[index], known)
    size = 0
    for index in short:
        pool.append(index)
        size += len(texts[index].encode())
        if size >= POOL or index == short[-1]:
            language = _language("\n".join(texts[each] for each in pool), known)
            for each in pool:
                found[each] = language
            pool, size = [], 0
    return found


def _language(text: str, known: Collection[str]) -> str | None:
    scores = dict(_identifier().rank(text))
    best = max(scores, key=lambda name: (scores[name], name))
    gap = scores[best] - max((scores[name] for name in known if name in scores), default=0.0)
    return best if best not in known and gap > CLEARLY * len(text.encode()) else None


@functools.cache
def _identifier() -> Any:
    # Imported here: it takes a second, and most commands judge nothing.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
