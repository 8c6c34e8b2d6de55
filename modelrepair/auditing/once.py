"""A property that is worked out once: its value is kept, and so is the error that it ended in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from modelrepair.errors import ModelRepairError

Value = TypeVar("Value")


class Once(Generic[Value]):
    """As `functools.cached_property`, but a failure is kept too.

    Ten rules that need the headers of a damaged file ask the Hub for them once, and each says why
    it could not look.

    >>> class Model:
    ...     asked = 0
    ...     @Once
    ...     def size(self) -> int:
    ...         self.asked += 1
    ...         return 7
    >>> model = Model()
    >>> model.size + model.size, model.asked
    (14, 1)
    """

    def __init__(self, work: Callable[[Any], Value]) -> None:
        self.work = work
        self.__doc__ = work.__doc__

    def __get__(self, owner: Any, kind: type | None = None) -> Value:
        """The value, or the error again."""
        return once(owner, self.work)


def once(owner: Any, work: Callable[[Any], Value]) -> Value:
    """The same for a function of an object whose class does not know it.

    >>> class Model:
    ...     asked = 0
    >>> def size(model) -> int:
    ...     model.asked += 1
    ...     return 7
    >>> model = Model()
    >>> once(model, size) + once(model, size), model.asked
    (14, 1)
    """
    kept = owner.__dict__.setdefault("_once", {})
    if work not in kept:
        try:
            kept[work] = (work(owner), None)
        except ModelRepairError as error:
            kept[work] = (None, error)
    value, failed = kept[work]
    if failed is not None:
        raise failed
    result: Value = value
    return result
