"""The version of the installed package."""

from __future__ import annotations

import importlib.metadata


def version() -> str:
    """The version, from the package's metadata.

    >>> version()  # doctest: +SKIP
    '0.1.0'
    """
    try:
        return importlib.metadata.version("modelrepair")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"
