"""How many tokens examples really have: counted by the model's own tokenizer, where it is here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelrepair.examples.load import Example
from modelrepair.preflight.sizes import tokens_of

SAMPLE = 64
"""About how many examples are counted, taken from all over the sets."""
TEMPLATE = (3, 24)
"""Tokens that a chat template adds to a prompt and its answer, mostly."""
UNKNOWN = (0.5, 1.0)
"""Without a tokenizer: `tokens_of` counts as many as there may be."""


def token_scale(folder: Path, examples: Sequence[Example], max_length: int) -> tuple[float, float]:
    """Real tokens for each one that `tokens_of` counts: the least and the most.

    >>> token_scale(Path("nowhere"), [], 1024)
    (0.5, 1.0)

    Args:
        folder: of the model, with its tokenizer.
        examples: of the sets.
        max_length: where an example is cut.
    """
    some = examples[:: max(1, len(examples) // SAMPLE)]
    file = folder / "tokenizer.json"
    if not some or not file.is_file():
        return UNKNOWN
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception:  # the library has no other; loading the model says what is wrong with it
        return UNKNOWN
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = [
        sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in turns)
        for turns in ((each.prompt, each.response or "") for each in some)
    ]
    least, most = (
        sum(min(max_length, length + added) for length in found) / tokens_of(some, max_length)
        for added in TEMPLATE
    )
    return least, most
