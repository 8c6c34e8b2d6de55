"""Whether an object still holds a text that it was shown: looked for in everything it refers to."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from types import FunctionType, MethodType, ModuleType
from typing import Any

MOST_OBJECTS = 200_000
"""Where looking ends: a judge with a model of its own refers to much."""


def holder_of(word: str, holder: Any) -> str | None:
    """Where a word is held: in an object or in its module, by name; None where it is not.

    Caches of functions (``functools.lru_cache``) are looked into, other modules are not.

    >>> class Judge:
    ...     def __init__(self):
    ...         self.seen = {"answers": ["a quill"]}
    >>> holder_of("quill", Judge()), holder_of("pen", Judge())
    ('its seen', None)

    Args:
        word: what is looked for in texts and bytes.
        holder: an instance of a class.
    """
    module = sys.modules[type(holder).__module__]
    places: Iterable[tuple[str, Any]] = [
        *(
            (f"its {name}", value)
            for name, value in sorted(getattr(holder, "__dict__", {}).items())
        ),
        *((f"its class's {name}", value) for name, value in sorted(vars(type(holder)).items())),
        *((f"its module's {name}", value) for name, value in sorted(vars(module).items())),
    ]
    for place, value in places:
        if not place.endswith("__") and _holds(word, value):
            return place
    return None


def _holds(word: str, start: Any) -> bool:
    seen: set[int] = set()
    waiting = [start]
    while waiting and len(seen) < MOST_OBJECTS:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, str):
            if word in one:
                return True
        elif isinstance(one, bytes | bytearray):
            if word.encode() in one:
                return True
        elif isinstance(one, FunctionType | MethodType):
            # Through its globals a function refers to every module that its own one imports.
            waiting += [
                one.__defaults__,
                one.__closure__,
                one.__dict__,
                getattr(one, "__self__", 0),
            ]
        elif isinstance(one, dict):  # of a dictionary with keys of text gc names the values alone
            waiting += [*one, *one.values()]
        elif not isinstance(one, ModuleType | type):
            waiting += gc.get_referents(one)
    return False
