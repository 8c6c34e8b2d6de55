"""What a repository holds, against what it is to hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelrepair.checkpoint.digests import sha256_file

DISGUISED = ("a pickle under another name", "an archive under another name")
"""What the bytes of a file say that its name does not."""


@dataclass(frozen=True)
class Remote:
    """The files of a repository at one commit: path → how the Hub knows its bytes."""

    commit: str
    files: Mapping[str, tuple[str, bool]]
    """Path → (digest, large): SHA-256 of a large file, else the name of the blob in git."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Path → bytes."""

    def differs(self, path: str, file: Path, sha256: str | None = None) -> bool:
        """Whether the repository lacks this file or holds other bytes for it.

        Args:
            path: in the repository.
            file: the bytes that it is to hold.
            sha256: their SHA-256, where it is known.
        """
        known = self.files.get(path)
        if known is None:
            return True
        digest, large = known
        return digest != ((sha256 or sha256_file(file)) if large else blob_of(file.read_bytes()))

    def holds(self, path: str, content: bytes) -> bool:
        """Whether the repository has these bytes under this name."""
        digest, large = self.files.get(path, ("", False))
        return digest == (hashlib.sha256(content).hexdigest() if large else blob_of(content))


def list_remote(id: str, revision: str) -> Remote:
    """Look at a repository's files, all of them, at the commit that the revision names now.

    >>> list_remote("user/model", "main").commit  # doctest: +SKIP
    '0123…'
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    commit = api.model_info(id, revision=revision).sha
    entries = [
        entry
        for entry in api.list_repo_tree(id, revision=commit, recursive=True)
        if isinstance(entry, RepoFile)
    ]
    files = {
        entry.path: (entry.lfs.sha256, True) if entry.lfs else (entry.blob_id, False)
        for entry in entries
    }
    return Remote(str(commit), files, {entry.path: entry.size for entry in entries})


def blob_of(content: bytes) -> str:
    """The name of a blob in git, as all other files are known on the Hub.

    >>> blob_of(b"hello")
    'b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0'
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
