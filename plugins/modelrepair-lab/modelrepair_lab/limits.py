"""What numbers of a recipe may be, with one error for each kind of them."""

from __future__ import annotations

from math import inf

from modelrepair import UsageError


def at_least(least: int, **numbers: int) -> None:
    """Refuse a number below ``least``.

    >>> at_least(1, steps=0)
    Traceback (most recent call last):
    modelrepair.errors.UsageError: steps is 0
    Hint [...]: ...

    Raises:
        UsageError: one is smaller.
    """
    for name, number in numbers.items():
        if number < least:
            raise UsageError(f"{name} is {number}", hint=f"it is {least} or more")


def shares(**numbers: float) -> None:
    """Refuse what is no share.

    >>> shares(share=1.5)
    Traceback (most recent call last):
    modelrepair.errors.UsageError: share is 1.5
    Hint [...]: ...

    Raises:
        UsageError: one is not between 0 and 1.
    """
    for name, number in numbers.items():
        if not 0 <= number <= 1:
            raise UsageError(f"{name} is {number:g}", hint="it is a share between 0 and 1")


def above_zero(**numbers: float) -> None:
    """Refuse zero and what is below it, and what is without end.

    >>> above_zero(rate=0.0)
    Traceback (most recent call last):
    modelrepair.errors.UsageError: rate is 0
    Hint [...]: ...

    Raises:
        UsageError: one is not above zero.
    """
    for name, number in numbers.items():
        if not 0 < number < inf:
            raise UsageError(f"{name} is {number:g}", hint="it is a number above 0")


def not_negative(**numbers: float) -> None:
    """Refuse what is below zero, and what is without end.

    >>> not_negative(weight=-1.0)
    Traceback (most recent call last):
    modelrepair.errors.UsageError: weight is -1
    Hint [...]: ...

    Raises:
        UsageError: one is below zero.
    """
    for name, number in numbers.items():
        if not 0 <= number < inf:
            raise UsageError(f"{name} is {number:g}", hint="it is 0 or more")


def known_seed(seed: int) -> None:
    """Refuse a seed that torch has no room for.

    >>> known_seed(2**64)
    Traceback (most recent call last):
    modelrepair.errors.UsageError: a seed of 18446744073709551616
    Hint [...]: ...

    Raises:
        UsageError: it has more than 63 bits.
    """
    if not -(2**63) <= seed < 2**63:
        raise UsageError(f"a seed of {seed}", hint="it is a whole number of at most 63 bits")
