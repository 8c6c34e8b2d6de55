"""The rows of a batch fit the memory of its keys and values, and there is always one."""

from __future__ import annotations

import pytest

from modelrepair.evaluation.batch_rows import CACHE_BYTES, MOST_ROWS, rows_together


@pytest.mark.parametrize("tokens", [1, 256, 4096, 2**20])
@pytest.mark.parametrize(("blocks", "hidden"), [(4, 128), (30, 576), (80, 8192)])
def test_as_many_as_fit_and_no_more(blocks, hidden, tokens):
    rows = rows_together(blocks, hidden, 2, tokens)
    bytes_a_row = 2 * blocks * hidden * 2 * tokens
    assert 1 <= rows <= MOST_ROWS
    assert rows == 1 or rows * bytes_a_row <= CACHE_BYTES
    assert rows == MOST_ROWS or (rows + 1) * bytes_a_row > CACHE_BYTES
