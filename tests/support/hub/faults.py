"""Faults that the test Hub can be set to have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Fault:
    """One thing that goes wrong at some requests.

    Args:
        method: of the request, as a regular expression; so is ``path``, matched anywhere.
        status: answered in place of the right answer, with ``headers``, ``code`` and ``message``.
        skip: how many matching requests go well first; ``times`` how many go wrong then.
        cut: the connection is closed after so many bytes of the answer, or of an upload.
        lost: the request is carried out, and the connection is closed before the answer.
        delay: seconds before the request is looked at.
        corrupt: the last byte of the answer is another one.
        act: called with the Hub before the request is carried out: another client was faster.
    """

    method: str
    path: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    message: str = "it went wrong"
    skip: int = 0
    times: int = 1 << 30
    cut: int | None = None
    lost: bool = False
    delay: float = 0.0
    corrupt: bool = False
    act: object = None
    seen: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request goes wrong; counts the ones that match."""
        if not (re.fullmatch(self.method, method) and re.search(self.path, path)):
            return False
        self.seen += 1
        return self.skip < self.seen <= self.skip + self.times
