"""How many prompts are answered together: by shapes alone, whatever memory there is."""

from __future__ import annotations

CACHE_BYTES = 2**30
"""Memory that the keys and values of one batch of answers may take."""
MOST_ROWS = 256


def rows_together(blocks: int, hidden: int, itemsize: int, tokens: int) -> int:
    """The rows of a batch whose keys and values fit.

    >>> rows_together(blocks=30, hidden=576, itemsize=4, tokens=256)
    30
    >>> rows_together(blocks=4, hidden=128, itemsize=4, tokens=256)
    256

    Args:
        blocks: of the model.
        hidden: its width.
        itemsize: bytes of a number.
        tokens: of the longest prompt with its answer, and with its thought where there may be one.
    """
    bytes_a_token = 2 * blocks * hidden * itemsize
    return max(1, min(MOST_ROWS, CACHE_BYTES // max(1, bytes_a_token * tokens)))
