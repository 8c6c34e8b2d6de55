"""The audits that are done, in a file: a run that was stopped resumes where it was."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelrepair.auditing.results import Audit
from modelrepair.errors import ResourceError, UsageError
from modelrepair.text.typed_paths import refuse_unfit

HEAD = "modelrepair-audit"
"""The key of the first line, which holds what was asked."""


class State:
    """A file of JSON Lines: what was asked, then one finished audit a line, synced as it comes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "state.jsonl"
    >>> State(path, {"deep": False}).add("user/model", Audit("user/model").to_json())
    >>> list(State(path, {"deep": False}).done)
    ['user/model']

    Args:
        path: the file; made where there is none.
        asked: the choices of the audit, as JSON has them. A file of others is refused.

    Attributes:
        done: what was asked for → the document of its audit.

    Raises:
        UsageError: the file is of another audit, no file of this kind, or can't be here.
        ResourceError: it can't be read or written.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        refuse_unfit(path)
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        head = json.dumps({HEAD: dict(asked)}, sort_keys=True)
        try:
            data = path.read_bytes() if path.exists() else b""
            if not data:
                self._append(head)
                return
            lines = data.decode("utf-8").split("\n")
        except OSError as error:
            raise _unwritable(path, error) from error
        except UnicodeDecodeError:
            lines = [""]
        if lines[0] != head:
            raise UsageError(
                f"{path.name} is the state of another audit",
                hint="give the options that it was begun with, or another --state",
                id="state-of-another-audit",
            )
        # What has no line end was being written when the run was stopped.
        for line in lines[1:-1]:
            self._take(line)
        if lines[-1]:
            self._cut(len(data) - len(lines[-1].encode()))

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep a finished audit.

        Args:
            name: the model as it was asked for.
            document: the audit as JSON has it.

        Raises:
            ResourceError: the disk.
        """
        try:
            self._append(json.dumps({"asked": name, "audit": document}))
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _append(self, line: str) -> None:
        with self._lock, self.path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _take(self, line: str) -> None:
        try:
            row = json.loads(line)
            Audit.from_json(row["audit"])  # it is given at once: a damaged one may not end the run
            self.done[row["asked"]] = row["audit"]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise UsageError(
                f"{self.path.name} holds a line that no audit wrote",
                hint="give another --state, or remove the line",
                id="state-of-another-audit",
            ) from None

    def _cut(self, size: int) -> None:
        with self.path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())


def _unwritable(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{path.name} can't be read or written: {error.strerror}",
        hint="give --state a file in a folder that you may write to",
    )
