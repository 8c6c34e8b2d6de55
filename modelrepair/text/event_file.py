"""A file of events: JSON Lines, each written whole and at once, so that others can follow it."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

from modelrepair.errors import ResourceError
from modelrepair.progress import Event
from modelrepair.text.readable import readable
from modelrepair.text.redaction import redact

SECONDS_BETWEEN = 1.0
"""Between two events that say how far one step is: a step has thousands."""
BEGINNING = b'{"schema": '
"""Of every line: `Event.to_json` names the schema first."""
HINT = "name a new file in a folder that is there and can be written"
# A path from the root of a machine or of a Windows drive; an address, and a share of one, is none.
_PATH = re.compile(r"(?<![\w:/.~-])(?:~|[A-Za-z]:)?[/\\](?=\S)(?:[^\s/\\'\"`,;]+[/\\])*")


class EventFile:
    """Writes events to a file, as a watcher of a progress.

    A file that is there is continued where it holds events, from its last whole line, and refused
    where it holds anything else.

    >>> import tempfile
    >>> from modelrepair.progress import Progress
    >>> path = Path(tempfile.mkdtemp()) / "events.jsonl"
    >>> Progress(EventFile(path)).note("half way")
    >>> [json.loads(line)["text"] for line in path.open()]
    ['half way']

    Args:
        path: of the file; a pipe or a device is written to as it is.

    Raises:
        ResourceError: it can't be written, or is there already and holds no events.
    """

    def __init__(self, path: str | Path) -> None:
        name = readable(Path(path).name)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            file = Path(path)
            if file.exists() and not (file.is_file() or file.is_dir()):
                flags = os.O_WRONLY  # a pipe
            self._file = os.open(file, flags, 0o666)
            if file.is_file():
                _to_last_whole_line(self._file, name)
        except OSError as error:
            raise ResourceError(
                f"no events can be written to {name}: {error.strerror}", hint=HINT, id="events-file"
            ) from error
        self._said: dict[int | None, float] = {}

    def __call__(self, event: Event) -> None:
        """Write one line; of how far a step is, one a second."""
        if event.event == "advance":
            if event.time - self._said.get(event.step, -math.inf) < SECONDS_BETWEEN:
                return
            self._said[event.step] = event.time
        line = json.dumps(_plain(event.to_json()), allow_nan=False).encode() + b"\n"
        while line:  # a pipe may take a part
            line = line[os.write(self._file, line) :]

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)


def _to_last_whole_line(file: int, name: str) -> None:
    """Take away what a killed run left of a line at the end of a file of events.

    Raises:
        ResourceError: it holds something else.
    """
    size = os.fstat(file).st_size
    first = os.read(file, len(BEGINNING))
    if first[: len(BEGINNING)] != BEGINNING[: len(first)]:
        raise ResourceError(
            f"{name} is there already, and holds no events", hint=HINT, id="events-file"
        )
    end = size
    while end:
        start = max(0, end - 65536)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    os.ftruncate(file, end)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it, without secrets and without places of this machine."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return redact(readable(without_places(value))) if isinstance(value, str) else value


def without_places(text: str) -> str:
    """The text with each path of this machine cut to its last name.

    >>> without_places("fetching /home/me/model: 5 files from https://host/a/b of org/name")
    'fetching model: 5 files from https://host/a/b of org/name'
    """
    for place in map(str, (Path.cwd(), Path.home())):
        if len(place) > 1:  # it may have blanks, which the pattern takes for the end of a path
            text = text.replace(f"{place}{os.sep}", "")
    return _PATH.sub("", text)
