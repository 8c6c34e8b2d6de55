"""The examples in the batches that a repair makes of them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.examples import read_examples
from modelrepair.examples.batches import canonical_batches
from modelrepair.plugin.repairer import Batch, TokenizedExample
from modelrepair.settings.settings import Settings

TOKEN_BUDGET = Settings("none").token_budget


def batched(path: Path) -> list[Batch]:
    """The examples of a file, in canonical batches.

    Args:
        path: what `write_examples` wrote.
    """
    examples = [
        TokenizedExample(tuple(ids), start, f"{number:06d}")
        for number, (ids, start) in enumerate(read_examples(path))
    ]
    return canonical_batches(examples, TOKEN_BUDGET, pad_id=0)
