"""Whether a model has marks for thoughts, from its tokenizer's files alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.untrusted import find_file, read_file, read_json
from modelrepair.examples.thoughts import Thoughts, find_thoughts
from modelrepair.source.resolve import Source

TOKENIZER, SETTINGS = "tokenizer.json", "tokenizer_config.json"
JINJA, PROCESSOR = "chat_template.jinja", "chat_template.json"
ADDED = '"added_tokens"'


def thoughts_of(source: Source, base: Source | None = None, given: Sequence[str] = ()) -> Thoughts:
    """The marks of a model's thoughts, as its template will find them once it is loaded.

    >>> thoughts_of(resolve("./model", weights=False)).marks[0].open  # doctest: +SKIP
    '<think>'

    Args:
        source: the model.
        base: what it adapts, whose tokenizer it has where it brings none.
        given: as the user types them.

    Raises:
        DamagedCheckpointError: a file of the tokenizer is none.
        UsageError: what is given does not mark thoughts.
    """
    own = any(find_file(source.folder, name) for name in (TOKENIZER, SETTINGS))
    folder = source.folder if own or base is None else base.folder
    return find_thoughts(_texts(folder), given)


def _texts(folder: Path) -> Iterator[str]:
    """Chat templates and added tokens, wherever they are kept."""
    yield (read_file(folder, JINJA) or b"").decode("utf-8", "replace")
    for name in (PROCESSOR, SETTINGS):
        yield from _strings(read_json(folder, name))
    data = (read_file(folder, TOKENIZER) or b"").decode("utf-8", "replace")
    # Behind them a vocabulary follows that is large, and of no interest here.
    start = data.find("[", data.find(ADDED)) if ADDED in data else -1
    if start >= 0:
        try:
            yield from _strings(json.JSONDecoder().raw_decode(data, start)[0])
        except (ValueError, RecursionError):
            return  # loading the tokenizer says what is wrong with it


def _strings(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
