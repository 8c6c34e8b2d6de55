"""A data set at one commit: which files it has, and the bytes of those that are read.

The Hub is asked what a branch stands for; everything else follows from the commit. So a set whose
files lie in the Hub's cache is read without the Hub: always with ``HF_HUB_OFFLINE``, and, where a
commit is named, also when the Hub does not answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelrepair.errors import UnreachableError
from modelrepair.moving import temporary_folder
from modelrepair.source.cached import (
    WHOLE,
    check_cache,
    is_commit,
    last_commit,
    remember,
    unreachable,
)
from modelrepair.source.fetching import say_fetch
from modelrepair.source.hub_errors import hub_errors

DESCRIBES = ("README.md", ".huggingface.yaml", "dataset_infos.json")
"""Files that say which configs and splits a set has."""
MOST_FILES = 20_000
"""Of a set with more files the layout is asked of the Hub."""


@dataclass(frozen=True)
class Pinned:
    """A data set at a commit.

    Args:
        id: the repository, as the Hub calls it.
        commit: the full hash.
        folder: its snapshot in the cache, which need not hold more than its descriptions.
        names: all its files.
        offline: whether only the cache is read.
    """

    id: str
    commit: str
    folder: Path
    names: tuple[str, ...]
    offline: bool = False

    def file(self, name: str) -> Path:
        """One file, fetched where it is not here yet.

        Raises:
            UnreachableError: the Hub is not asked, and the cache does not hold the file.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.errors import LocalEntryNotFoundError

        if not self.offline:
            say_fetch(self.id, self.commit, {name: None}, "dataset")
        try:
            return Path(
                HfApi().hf_hub_download(
                    self.id,
                    name,
                    repo_type="dataset",
                    revision=self.commit,
                    local_files_only=self.offline,
                )
            )
        except LocalEntryNotFoundError:
            raise UnreachableError(
                f"{WHOLE.format(id=self.id)}: {name} is missing",
                hint="run the same command once with the Hub in reach",
                id="not-in-cache",
            ) from None

    @contextmanager
    def layout(self) -> Iterator[Path]:
        """A folder laid out as the set is: its descriptions, and an empty file for each other.

        The ``datasets`` library finds configs and splits in it as it does on the Hub.
        """
        name = self.id.rpartition("/")[2]
        with temporary_folder() as folder:
            root = folder.resolve() / name
            root.mkdir()
            for each in self.names:
                parts = PurePosixPath(each).parts
                if ".." in parts or each.startswith("/"):
                    continue
                path = root.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((self.folder / each).read_bytes() if each in DESCRIBES else b"")
            yield root


def pin(id: str, revision: str | None) -> Pinned:
    """Look up what a revision stands for, and which files are there at that commit.

    >>> pin("org/set", None).names  # doctest: +SKIP
    ('README.md', 'train.jsonl')

    Raises:
        HubError: the Hub, the rights on the set, or the network; and the cache is no help.
    """
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return _cached(id, revision)
    check_cache()
    try:
        with hub_errors(id, revision, kind="data set"):
            info = HfApi().dataset_info(id, revision=revision)
            id = str(info.id)  # its own, where it was renamed or is spelt in other capitals
            commit = str(info.sha)
            folder = Path(
                HfApi().snapshot_download(
                    id, repo_type="dataset", revision=commit, allow_patterns=list(DESCRIBES)
                )
            )
            remember(folder, revision or "main")
    except UnreachableError as error:
        if not is_commit(revision):
            raise unreachable(error, id, revision, f"{id}@{{commit}}", "dataset") from None
        try:
            return _cached(id, revision)
        except UnreachableError:
            raise error from None
    return Pinned(id, commit, folder, tuple(each.rfilename for each in info.siblings or ()))


def _cached(id: str, revision: str | None) -> Pinned:
    """The set as the cache holds it, with the list of all its files that was kept there."""
    from huggingface_hub import constants, get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError
    from huggingface_hub.file_download import repo_folder_name

    commit = last_commit(id, revision, "dataset")
    missing = UnreachableError(
        WHOLE.format(id=id),
        hint="run the same command once with the Hub in reach",
        id="not-in-cache",
    )
    if commit is None:
        raise missing
    try:
        tree = get_cached_repo_tree(id, repo_type="dataset", revision=commit)
    except CachedRepoTreeNotFoundError:
        raise missing from None
    names = tuple(each.path for each in tree)
    cache = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=id, repo_type="dataset")
    folder = cache / "snapshots" / commit
    if not all((folder / each).is_file() for each in DESCRIBES if each in names):
        raise missing
    return Pinned(id, commit, folder, names, offline=True)
