"""Libraries of the extra ``audit``: asked for where a format needs them, and named if missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelrepair.errors import UsageError


@contextmanager
def extra(library: str, form: str) -> Iterator[None]:
    """Turn a missing library into one line with the command that installs it.

    >>> with extra("json", "sarif"):
    ...     import json

    Args:
        library: the module that is imported inside.
        form: the format that needs it.

    Raises:
        UsageError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise UsageError(
            f"--format {form} needs the package that brings {library}",
            hint='pip install "modelrepair[audit]"',
        ) from None
