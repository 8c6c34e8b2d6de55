"""The version of the installed package, and its links."""

from __future__ import annotations

import importlib.metadata
from urllib.parse import urljoin


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
    """The repository's address, as the package was built with it; None where it had none.

    >>> project_address()  # doctest: +SKIP
    'https://example.org/modelrepair'
    """
    return _links().get("Repository")


def page(path: str) -> str | None:
    """Where a page of this version's documentation is shown; None where no address is known.

    >>> page("docs/errors.md")  # doctest: +SKIP
    'https://example.org/modelrepair/blob/v0.1.0/docs/errors.md'

    Args:
        path: from the root of the project.
    """
    index = _links().get("Documentation")
    return None if index is None else urljoin(index, f"../{path}")


def _links() -> dict[str, str]:
    """The project's links by their names, from the package's metadata."""
    try:
        found = importlib.metadata.metadata("modelrepair").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    return dict(each.split(", ", 1) for each in found)
