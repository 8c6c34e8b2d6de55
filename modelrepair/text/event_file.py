"""A file of events: JSON Lines, each written whole and at once, so that others can follow it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from modelrepair.errors import ResourceError
from modelrepair.progress import SCHEMA, Event
from modelrepair.text.published import private_to, published_json
from modelrepair.text.readable import readable

SECONDS_BETWEEN = 1.0
"""Between two events that say how far one step is: a step has thousands."""
BEGINNING = b'{"schema": %d, "event": "' % SCHEMA
"""Of every line, as `Event.to_json` has it; of a file of another program it is not."""
CONFIGS = ("config.json", "adapter_config.json")
"""Where one of these is, the folder is a model's or an adapter's: a push refuses other files."""
HINT = "name a new file in a folder that is there, can be written, and holds no model"


class EventFile:
    """Writes events to a file, as a watcher of a progress: no secret, no path of this machine.

    A file that is there is continued where it holds events, from its last whole line, and refused
    where it holds anything else.

    >>> import tempfile
    >>> from modelrepair import Progress
    >>> path = Path(tempfile.mkdtemp()) / "events.jsonl"
    >>> Progress(EventFile(path)).note("half way")
    >>> [json.loads(line)["text"] for line in path.open()]
    ['half way']

    Args:
        path: of the file; a pipe or a device is written to as it is.

    Raises:
        ResourceError: it can't be written, lies among a model's files, or is there already and
            holds no events.
    """

    def __init__(self, path: str | Path) -> None:
        name = readable(Path(path).name)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            file = Path(path)
            folder = Path(os.path.realpath(file)).parent
            model = folder.parent if folder.name == "repair" else folder
            if any((model / name).exists() for name in CONFIGS):
                raise ResourceError(
                    f"{name} would lie in a model's folder, and be taken for a part of it",
                    hint=HINT,
                    id="events-file",
                )
            if file.exists() and not (file.is_file() or file.is_dir()):
                flags = os.O_WRONLY  # a pipe
            self._file = os.open(file, flags, 0o666)
            if file.is_file():
                _to_last_whole_line(self._file, name)
        except OSError as error:
            raise ResourceError(
                f"no events can be written to {name}: {error.strerror}", hint=HINT, id="events-file"
            ) from error
        self._private = private_to([path])
        self._said: dict[int | None, float] = {}

    def __call__(self, event: Event) -> None:
        """Write one line; of how far a step is, one a second."""
        if event.event == "advance":
            if event.time - self._said.get(event.step, -math.inf) < SECONDS_BETWEEN:
                return
            self._said[event.step] = event.time
        said = published_json(_plain(event.to_json()), self._private)
        if event.event == "plan":
            said.pop("text", None)  # lines for people, broken amid what would be known as a path
        line = json.dumps(said, allow_nan=False).encode() + b"\n"
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
    if not BEGINNING.startswith(first):
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
    if end < size:  # else another run may have added a line by now
        os.ftruncate(file, end)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return readable(value) if isinstance(value, str) else value
