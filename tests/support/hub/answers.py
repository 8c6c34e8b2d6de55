"""Answers of the test Hub, and its errors as the client knows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

ERRORS = {
    "RepoNotFound": (404, "Repository not found"),
    "RevisionNotFound": (404, "Invalid rev id"),
    "EntryNotFound": (404, "Entry not found"),
    "GatedRepo": (403, "Access to this model is restricted"),
}


@dataclass(frozen=True)
class Answer:
    """Status, headers and body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(
        cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A JSON document."""
        body = json.dumps(value).encode()
        return cls(status, {"Content-Type": "application/json", **(headers or {})}, body)


class Failure(Exception):
    """An error by its code, or by a status of its own."""

    def __init__(
        self,
        code: str | int,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        status, text = ERRORS[code] if isinstance(code, str) else (code, "refused")
        said = {"X-Error-Message": message or text}
        if isinstance(code, str):
            said["X-Error-Code"] = code
        self.answer = Answer.of(
            {"error": message or text, **more}, status, {**said, **(headers or {})}
        )
