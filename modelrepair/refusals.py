"""What would stop a repair, met in the order in which it would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from modelrepair.errors import ModelRepairError


@dataclass
class Refusals:
    """Stops a repair at its first refusal; a plan keeps that one and looks on.

    >>> refusals = Refusals(keep=True)
    >>> with refusals.kept():
    ...     raise ModelRepairError("no", hint="yes")
    >>> str(refusals.first)
    'no'
    """

    keep: bool
    first: ModelRepairError | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Take one step."""
        try:
            yield
        except ModelRepairError as error:
            if not self.keep:
                raise
            self.first = self.first or error
