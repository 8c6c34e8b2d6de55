"""A model as an audit sees it: a folder or a repository that nothing of is believed or refused."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from modelrepair.auditing.once import Once
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.checkpoint.untrusted import TEXT_LIMIT, find_file, open_plain, parse_json
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, INDEX
from modelrepair.errors import (
    DamagedCheckpointError,
    InconclusiveError,
    ResourceError,
    UsageError,
    one_line,
)
from modelrepair.moving import temporary_folder
from modelrepair.source.address import one_revision, read_name
from modelrepair.source.front_matter import read_front_matter
from modelrepair.source.headers import headers
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.ranges import read_range
from modelrepair.source.resolve import Source
from modelrepair.source.signed import Signed
from modelrepair.text.typed_paths import from_home

BUDGET = 36_000_000
"""Bytes that the stages before `difference` fetch of one model by default."""
LONGEST = 200
"""Characters of a name that is no name, in a message."""
MOST_FILES = 100_000
"""Files of a folder that are looked at."""


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file before it is read.

    Args:
        size: in bytes.
        sha256: of a large file on the Hub.
        blob: the name of any other in git.
        unreadable: why a file of a folder is not read, such as a link that leaves it.
    """

    size: int
    sha256: str | None = None
    blob: str | None = None
    unreadable: str | None = None


@dataclass(frozen=True)
class HubFacts:
    """What the Hub says of a repository.

    Args:
        gated: whether its files are given on request only.
        private: whether it is private.
        security: the result of the Hub's own scanners, as it is; None where it gives none.
    """

    gated: bool
    private: bool
    security: Any = None


@dataclass
class Opened:
    """A model that is looked at.

    Args:
        name: its id, or the folder as it was given.
        source: where its bytes are; of a repository, the folder holds what was read of it.
        files: path → what is known of it.
        hub: what the Hub says; None for a folder.
        budget: bytes that may be fetched.
    """

    name: str
    source: Source
    files: Mapping[str, FileFacts]
    hub: HubFacts | None = None
    budget: int = BUDGET
    fetched: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _signed: Signed = field(default_factory=Signed, repr=False)

    @property
    def here(self) -> bool:
        """Whether it is a folder on this machine."""
        return self.hub is None

    @property
    def left(self) -> int:
        """Bytes that may still be fetched."""
        return max(0, self.budget - self.fetched)

    def read_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes of one of its files from ``start`` up to ``end``.

        Raises:
            InconclusiveError: the budget is spent.
            DamagedCheckpointError: it is no plain file of this model.
            ModelRepairError: the disk or the Hub.
        """
        self._spend(max(0, end - start), name)
        if not self.here:
            # Small files come from the Hub's own host: only those of its store have an address.
            facts = self.files.get(name)
            stored = facts is not None and facts.sha256 is not None
            return read_range(self.source, name, start, end, self._signed if stored else None)
        path = find_file(self.source.folder, name)
        if path is None:
            raise DamagedCheckpointError(f"{name!r} is missing", hint="look at the model again")
        try:
            with open_plain(path, name) as file:
                file.seek(start)
                data = file.read(end - start)
        except OSError as error:
            raise ResourceError(
                f"{name} can't be read: {error.strerror}", hint="check the rights on the file"
            ) from error
        if len(data) != end - start:
            raise DamagedCheckpointError(f"{name!r} is cut short", hint="copy the model again")
        return data

    def read(self, name: str, limit: int = TEXT_LIMIT) -> bytes | None:
        """A whole file; None where there is none.

        Args:
            name: its path in the model.
            limit: bytes that it may have.

        Raises:
            DamagedCheckpointError: it is larger, or no plain file of this model.
            ModelRepairError: as `read_range`.
        """
        known = self.files.get(name)
        if known is None:
            return None
        if known.size > limit:
            raise DamagedCheckpointError(
                f"{name} has over {limit:,} bytes, more than such a file can need",
                hint="look at the file by hand",
            )
        kept = self.source.folder / name
        if not self.here and kept.is_file():
            return kept.read_bytes()
        data = self.read_range(name, 0, known.size)
        if not self.here and find_file(self.source.folder, name) is None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
        return data

    def read_json(self, name: str) -> Any:
        """What a JSON file holds; None where there is none.

        Raises:
            DamagedCheckpointError: it is no JSON.
            ModelRepairError: as `read`.
        """
        data = self.read(name)
        return None if data is None else parse_json(data, name)

    def object(self, name: str) -> dict[str, Any]:
        """What a JSON file holds that must be an object; empty where there is none.

        Raises:
            DamagedCheckpointError: it is something else.
            ModelRepairError: as `read`.
        """
        value = self.read_json(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise DamagedCheckpointError(f"{name} is no JSON object", hint="look at it by hand")
        return value

    @property
    def is_adapter(self) -> bool:
        """Whether a loader takes it for an adapter."""
        return ADAPTER_CONFIG in self.files

    @Once
    def config(self) -> dict[str, Any]:
        """What ``config.json`` says."""
        return self.object("config.json")

    @Once
    def adapter_config(self) -> dict[str, Any]:
        """What ``adapter_config.json`` says."""
        return self.object(ADAPTER_CONFIG)

    @Once
    def card(self) -> dict[str, Any]:
        """The front matter of its card."""
        data = self.read("README.md") or b""
        return read_front_matter(data.decode("utf-8", "replace"))

    @Once
    def checkpoint(self) -> Checkpoint:
        """The tensors of its weights by their headers; of a repository, none can be mapped.

        Raises:
            UnsupportedModelError: no safetensors weights.
            DamagedCheckpointError: a header can't be read.
            ModelRepairError: as `read_range`.
        """
        if self.here:
            return Checkpoint.open(self.source.folder)
        self.read(INDEX)
        return headers(self.source, lambda _, name, start, end: self.read_range(name, start, end))

    def _spend(self, count: int, name: str) -> None:
        with self._lock:
            if self.fetched + count > self.budget:
                raise InconclusiveError(
                    f"the budget of {self.budget:,} bytes does not reach for {name}",
                    hint="--budget takes more",
                )
            self.fetched += count


@contextmanager
def opened(
    text: str | Path, revision: str | None = None, *, budget: int = BUDGET, local: bool = True
) -> Iterator[Opened]:
    """Look at a folder or a repository, without a file of it but for their names.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "config.json").write_text("{}")
    >>> with opened(folder) as model:
    ...     list(model.files), model.config
    (['config.json'], {})

    Args:
        text: a folder, or a Hub id.
        revision: branch, tag or commit on the Hub.
        budget: bytes that may be fetched, or read of a folder's files in parts.
        local: whether a folder of this name here is meant; not where a file names an id.

    Raises:
        UsageError: neither a folder nor an id.
        HubError: the Hub, the rights on it, or the network.
    """
    typed = os.fspath(text)
    if not typed.strip():
        raise UsageError("the name of the model is empty", hint="give a folder, or an id")
    folder, shown = from_home(typed), one_line(typed, LONGEST)
    there = _is_there(folder)
    path_like = isinstance(text, Path) or typed[:1] in (".", "~", "/")
    if local and (path_like or there):
        if there == "file":
            raise UsageError(
                f"{shown} is a file",
                hint="give the folder that the model is in",
                id="no-such-folder",
            )
        if there is None:
            raise UsageError(
                f"no folder {shown}",
                hint="check the path; an id on the Hub looks like user/name",
                id="no-such-folder",
            )
        yield Opened(typed, Source(None, None, folder, folder.resolve().name), _files_of(folder),
                     budget=budget)  # fmt: skip
        return
    name = read_name(typed)
    if name is None:
        raise UsageError(
            f"{shown!r} is neither a folder here nor an id on the Hub",
            hint="an id looks like user/name, a folder that is meant like ./name",
            id="not-a-hub-id",
        )
    with temporary_folder(prefix="modelrepair-audit-") as kept:
        yield _on_hub(name.id, one_revision(name, revision), kept, budget)


def _is_there(path: Path) -> Literal["folder", "file"] | None:
    try:
        return "folder" if path.is_dir() else "file" if path.is_file() else None
    except OSError:  # the name is too long, or a folder above it is closed
        return None


def _files_of(folder: Path) -> dict[str, FileFacts]:
    """Every file of a folder but git's own; links are named and not followed into folders."""
    found: dict[str, FileFacts] = {}
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != ".git")
        links = [each for each in folders if (Path(above) / each).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(above) / name
            relative = path.relative_to(folder).as_posix()
            try:
                real = find_file(folder, relative)
                found[relative] = FileFacts(0 if real is None else real.stat().st_size)
            except (DamagedCheckpointError, ResourceError, OSError) as error:
                found[relative] = FileFacts(0, unreadable=str(error))
            if len(found) > MOST_FILES:
                raise UsageError(
                    f"{folder} holds over {MOST_FILES:,} files", hint="give the folder of one model"
                )
    return found


def _on_hub(id: str, revision: str | None, kept: Path, budget: int) -> Opened:
    from huggingface_hub import HfApi

    with hub_errors(id, revision):
        info = HfApi().model_info(id, revision=revision, files_metadata=True, securityStatus=True)
        if info.gated:  # its files may be closed to this token though its page is open
            HfApi().auth_check(id)
    files = {
        sibling.rfilename: FileFacts(
            sibling.size or 0, sibling.lfs.sha256 if sibling.lfs else None, sibling.blob_id
        )
        for sibling in info.siblings or ()
    }
    sizes = {name: facts.size for name, facts in files.items()}
    source = Source(info.id, info.sha, kept, info.id.rpartition("/")[2], (), False, sizes)
    # Read by name and with a default: the Hub has renamed this field before.
    security = getattr(info, "security_repo_status", None)
    return Opened(info.id, source, files, HubFacts(bool(info.gated), bool(info.private), security),
                  budget)  # fmt: skip
