"""The tokens that end an answer, as generation_config.json names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.untrusted import read_json
from modelrepair.errors import ModelRepairError

GENERATION_CONFIG = "generation_config.json"


@dataclass(frozen=True)
class Stops:
    """Tokens that end an answer.

    Args:
        known: tokens of the model.
        unknown: what was named and is none, as text.
    """

    known: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()


def stop_tokens(named: Any, vocabulary: int) -> Stops:
    """Of what a file names as ``eos_token_id``, the tokens that a model has.

    >>> stop_tokens([2, 99, "</s>"], 50)
    Stops(known=(2,), unknown=('99', '</s>'))
    >>> stop_tokens(None, 50)
    Stops(known=(), unknown=())

    Args:
        named: one token, several, or none.
        vocabulary: how many tokens the model's embedding has.
    """
    ids = list(named) if isinstance(named, list | tuple) else [] if named is None else [named]
    known = [each for each in ids if type(each) is int and 0 <= each < vocabulary]
    unknown = [str(each)[:40] for each in ids if type(each) is not int or each not in known]
    return Stops(tuple(known), tuple(unknown))


def read_stops(folder: Path, vocabulary: int) -> Stops:
    """The tokens that end an answer by the generation configuration in a model's folder.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / GENERATION_CONFIG).write_text('{"eos_token_id": [7, 8]}')
    >>> read_stops(folder, 50).known
    (7, 8)

    A file that can't be read ends nothing, as for transformers: answers do not need it.
    """
    try:
        document = read_json(folder, GENERATION_CONFIG)
    except ModelRepairError:
        return Stops(unknown=("the file can't be read",))
    named = document.get("eos_token_id") if isinstance(document, dict) else None
    return stop_tokens(named, vocabulary)


def unknown_stops(folder: Path, vocabulary: int) -> str | None:
    """What to say where a folder's file names tokens that its model does not have."""
    unknown = read_stops(folder, vocabulary).unknown
    if not unknown:
        return None
    return (
        f"{GENERATION_CONFIG} names what is no token of the model as the end of an answer: "
        f"{', '.join(unknown[:3])}"
    )
