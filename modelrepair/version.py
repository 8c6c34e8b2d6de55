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


def project_address() -> str | None:
    """The project's address: the first of ``[project.urls]`` in pyproject.toml; None where unset.

    >>> project_address()  # doctest: +SKIP
    'https://example.org/modelrepair'
    """
    try:
        found = importlib.metadata.metadata("modelrepair").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    addresses = [each.partition(",")[2].strip() for each in found]
    return addresses[0].rstrip("/") if addresses else None
