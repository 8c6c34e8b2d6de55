"""Bytes, times, shares and counts as people read them."""

from __future__ import annotations


def in_time(seconds: int) -> str:
    """A time as people read it.

    >>> in_time(59), in_time(600), in_time(7 * 3600)
    ('59 s', '10 min', '7.0 h')
    """
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def in_bytes(count: int) -> str:
    """A number of bytes as people read it.

    >>> in_bytes(512), in_bytes(5 * 2**20)
    ('512 B', '5.0 MiB')
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def in_parameters(count: int) -> str:
    """A number of parameters as people read it.

    >>> in_parameters(892_544), in_parameters(134_515_008), in_parameters(7 * 10**9)
    ('0.9 M', '134.5 M', '7.0 B')
    """
    return f"{count / 1e6:.1f} M" if count < 1e9 else f"{count / 1e9:.1f} B"


def counted(count: int, what: str) -> str:
    """A number of things, by the name of one.

    >>> counted(1, "round"), counted(7050, "answer")
    ('1 round', '7,050 answers')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
