"""Bytes, times, shares and counts as people read them."""

from __future__ import annotations

from modelrepair.text.units import in_bytes


def test_bytes():
    assert [in_bytes(count) for count in (0, 1536, 2**41)] == ["0 bytes", "1.5 kB", "2.2 TB"]
