"""The bytes of drawn slices: neighbours in one request, several requests at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from modelrepair.auditing.lineage.sampling import Slice
from modelrepair.auditing.opened import Opened
from modelrepair.checkpoint.reader import ITEM_SIZES, TensorEntry

AT_ONCE = 8
LARGEST = 4 * 2**20
"""Bytes of neighbours that are read together."""


def read_slices(model: Opened, slices: Iterable[Slice]) -> dict[Slice, np.ndarray]:
    """The bits of slices, ``[rows, width]``, as unsigned integers.

    >>> read_slices(model, [Slice("w", 0, 2, 8)])  # doctest: +SKIP
    {Slice(name='w', first=0, rows=2, width=8): array([[...

    Args:
        model: a folder or repository.
        slices: of tensors that it has, and whose entries are whole bytes.

    Raises:
        InconclusiveError: the budget is spent.
        ModelRepairError: the disk or the Hub.
    """
    entries = model.checkpoint.entries
    requests = _requests(entries, slices)

    def read(request: list[Slice]) -> list[np.ndarray]:
        file = entries[request[0].name].file
        start = _place(entries, request[0])[1]
        data = model.read_range(file, start, _place(entries, request[-1])[2])
        return [_bits(entries[each.name], each, data, start, entries) for each in request]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(read, requests))
    return {
        each: bits
        for request, answer in zip(requests, answers, strict=True)
        for each, bits in zip(request, answer, strict=True)
    }


def _requests(entries: Mapping[str, TensorEntry], slices: Iterable[Slice]) -> list[list[Slice]]:
    """Slices that follow each other in a file, together."""
    requests: list[list[Slice]] = []
    end, begin, at = -1, 0, ""
    for each in sorted(slices, key=lambda each: _place(entries, each)):
        file, start, stop = _place(entries, each)
        if file == at and start == end and stop - begin <= LARGEST:
            requests[-1].append(each)
        else:
            requests.append([each])
            begin = start
        at, end = file, stop
    return requests


def _place(entries: Mapping[str, TensorEntry], each: Slice) -> tuple[str, int, int]:
    entry = entries[each.name]
    row = each.width * ITEM_SIZES[entry.dtype]
    start = entry.offset + each.first * row
    return entry.file, start, start + each.rows * row


def _bits(
    entry: TensorEntry,
    each: Slice,
    data: bytes,
    start: int,
    entries: Mapping[str, TensorEntry],
) -> np.ndarray:
    begin = _place(entries, each)[1] - start
    size = ITEM_SIZES[entry.dtype]
    flat = np.frombuffer(data, f"<u{size}", each.entries, begin)
    return flat.reshape(each.rows, each.width)
