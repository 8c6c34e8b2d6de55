"""Turns ``"package.module:attribute"`` into the object that it names."""

from __future__ import annotations

import importlib
from typing import Any


def resolve(load: Any) -> Any:
    """The object behind a load string; a callable is given back as it is.

    >>> resolve("json:dumps")([1])
    '[1]'

    Raises:
        ImportError: the module can't be imported.
        AttributeError: the module has no such attribute.
        ValueError: the string is no ``module:attribute``.
    """
    if not isinstance(load, str):
        return load
    module, colon, attribute = load.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"expected 'package.module:Class', got {load!r}")
    found = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
