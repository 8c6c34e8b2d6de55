"""Bytes, times, shares and counts as people read them."""

from __future__ import annotations

from rich.filesize import decimal


def in_time(seconds: float) -> str:
    """A time as people read it, in its two largest units.

    >>> in_time(59.4), in_time(125), in_time(600), in_time(7300)
    ('59 s', '2 min 5 s', '10 min', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    large, small, names = (*divmod(whole, 60), ("min", "s"))
    if whole >= 3600:
        large, small, names = (*divmod(whole // 60, 60), ("h", "min"))
    return f"{large} {names[0]}" + (f" {small} {names[1]}" if small else "")


def in_bytes(count: int) -> str:
    """A number of bytes as people read it, in the decimal units of the Hub and of disks.

    >>> in_bytes(512), in_bytes(538_090_408), in_bytes(16_000_000_000)
    ('512 bytes', '538.1 MB', '16.0 GB')
    """
    return decimal(count)


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
