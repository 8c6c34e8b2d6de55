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


@dataclass(frozen=True)
class Stopped:
    """What a repair would stop at before it reads a weight.

    Args:
        message: what is wrong.
        hint: what to do.
        id: of the error, as in ``docs/errors.md``.
        exit_code: that `fix` would end with.
        url: where the id is explained.
    """

    message: str
    hint: str
    id: str
    exit_code: int
    url: str

    @classmethod
    def by(cls, error: ModelRepairError | None) -> Stopped | None:
        """The same of an error."""
        if error is None:
            return None
        return cls(str(error), error.hint, error.id, error.exit_code, error.url)
