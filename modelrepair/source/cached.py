"""What the Hub's cache knows without the Hub: which commit a branch stood for when it was asked."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Literal

from modelrepair.errors import ResourceError, UnreachableError

Kind = Literal["model", "dataset"]
CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")
"""What says where the cache lies, the first that is set."""
WHOLE = "the Hub can't be reached for {id}, and the cache does not hold it whole"


def offline() -> bool:
    """Whether the user switched the Hub off, with ``HF_HUB_OFFLINE``.

    >>> offline()
    False
    """
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def is_commit(revision: str | None) -> bool:
    """Whether a revision is the full hash of a commit, which means the same for ever.

    >>> is_commit("8401fe609d288129cc684a9b3be6a93e41cfe678"), is_commit("main"), is_commit(None)
    (True, False, False)
    """
    return revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def remember(snapshot: Path, revision: str) -> None:
    """Note in the Hub's cache which commit a branch stood for, so that it is found offline.

    The client does so where it is asked for a branch; it was asked for the commit.

    Args:
        snapshot: the folder of the commit in the cache.
        revision: what the user asked for.
    """
    if revision == snapshot.name:
        return
    name = snapshot.parent.parent / "refs" / revision
    name.parent.mkdir(parents=True, exist_ok=True)
    name.write_text(snapshot.name, encoding="utf-8")


def last_commit(id: str, revision: str | None, kind: Kind = "model") -> str | None:
    """The commit that a revision stood for when the Hub was last asked; None where it never was.

    >>> last_commit("user/never-fetched", None) is None
    True

    Args:
        id: the repository.
        revision: a branch or tag; None for ``main``. A commit stands for itself.
        kind: of the repository.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    if is_commit(revision):
        return revision
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=id, repo_type=kind)
    try:
        text = (folder / "refs" / (revision or "main")).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return text if is_commit(text) else None


def unreachable(
    error: UnreachableError, id: str, revision: str | None, how: str, kind: Kind = "model"
) -> UnreachableError:
    """An error of a Hub that does not answer, with the commit that the cache holds in its hint.

    Args:
        error: as it was raised.
        id: the repository.
        revision: the branch that was asked for.
        how: how a user names a commit, with ``{commit}`` in its place.
        kind: of the repository.
    """
    commit = last_commit(id, revision, kind)
    if commit is None or is_commit(revision):
        return error
    taken = how.format(commit=commit)
    hint = f"{error.hint}; what the cache holds: {taken}"
    return UnreachableError(str(error), hint=hint, id=error.id)


def check_cache() -> None:
    """Make sure that the Hub's cache can be written, before the Hub is asked for anything.

    >>> check_cache()

    Raises:
        ResourceError: it can't be made, or not be written.
    """
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = None if os.access(folder, os.W_OK) else os.strerror(errno.EACCES)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason is not None:
        name = next((each for each in CACHES if os.environ.get(each)), CACHES[-1])
        raise ResourceError(
            f"the Hub's cache {folder} can't be written: {reason}",
            hint=f"set {name} to a folder that can be, or unset it: unset {name}",
            id="not-writable",
        )
