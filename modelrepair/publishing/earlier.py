"""A destination as it is now: its files, the repair that lies there, and its source's files."""

from __future__ import annotations

import glob
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.reading import MANIFEST_LIMIT, known, read_manifest
from modelrepair.artifact.records import Origin
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import CARD_LIMIT, CARD_NAME, HUBS_OWN, card_text
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.publishing.destination import Destination
from modelrepair.publishing.pulls import branch_of
from modelrepair.publishing.there import Earlier, State, may_write
from modelrepair.source.repository_files import Remote, list_remote

Writes = Callable[[Remote], Mapping[str, bool]]
"""Of what lies at a destination: what a push writes → whether the bytes there are others."""


def state_of(
    destination: Destination, source: Origin, writes: Writes
) -> tuple[State, Mapping[str, bool]]:
    """Look at a destination; weights are not fetched, small files of an earlier repair may be.

    >>> state_of(destination, Origin(id="user/model", hub=True), writes)  # doctest: +SKIP
    (State(…), {'model.safetensors': True})

    Args:
        destination: where a push goes.
        source: what is repaired.
        writes: what the push writes, given what is there.

    Raises:
        InconclusiveError: a later version of modelrepair wrote the manifest there.
    """
    if not destination.exists:
        nothing = Remote("", {})
        return State(nothing), writes(nothing)
    remote, pull = _listed(destination)
    written = writes(remote)
    own = destination.kind != "new repository"
    strange = remote.files.keys() - {*written, HUBS_OWN}
    theirs = files_of(source) if own or strange else {}
    same_bytes = {name for name, differs in written.items() if not differs}
    if own:
        same_bytes |= {name for name, known in remote.files.items() if theirs.get(name) == known}
    # The branch of our own pull request holds whatever we pushed to it.
    then = theirs if own and not pull else None
    earlier = _earlier(destination.id, remote, source, then, same_bytes)
    return State(remote, earlier, theirs, _card(destination.id, remote)), written


def files_of(source: Origin) -> Mapping[str, tuple[str, bool]]:
    """A source's files at its commit, as the Hub knows their bytes; none of a folder's.

    >>> files_of(Origin(id="mine"))
    {}
    """
    from huggingface_hub.errors import HfHubHTTPError

    if source.hub:
        # One that is gone, or that this token may not read, names no file.
        with suppress(HfHubHTTPError):
            return list_remote(source.id, source.commit or "main").files
    return {}


def quoted_by(earlier: Earlier | None) -> str:
    """The source's card at the commit of an earlier repair; empty where it can't be had.

    >>> quoted_by(None)
    ''
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    if earlier is None or earlier.commit is None:
        return ""
    with suppress(HfHubHTTPError):
        path = HfApi().hf_hub_download(earlier.source, CARD_NAME, revision=earlier.commit)
        return card_text(Path(path).parent) or ""
    return ""


def _listed(destination: Destination) -> tuple[Remote, bool]:
    from huggingface_hub.errors import RevisionNotFoundError

    branch, pull = branch_of(destination)
    try:
        return list_remote(destination.id, branch), pull
    except RevisionNotFoundError:
        return list_remote(destination.id, "main"), pull  # the branch will begin there


def _card(id: str, remote: Remote) -> str:
    """The README there; empty where there is none.

    Raises:
        UsageError: it is too long to be read, and would be lost.
    """
    from huggingface_hub import HfApi

    if CARD_NAME not in remote.files:
        return ""
    if remote.sizes.get(CARD_NAME, 0) > CARD_LIMIT:
        raise UsageError(
            f"{CARD_NAME} of {id} has over {CARD_LIMIT:,} bytes: its text can't be kept",
            hint="shorten it there, or name another target with --to",
        )
    path = HfApi().hf_hub_download(id, CARD_NAME, revision=remote.commit)
    return card_text(Path(path).parent) or ""


def _earlier(
    id: str,
    remote: Remote,
    source: Origin,
    then: Mapping[str, tuple[str, bool]] | None,
    same_bytes: Collection[str],
) -> Earlier | None:
    """The repair that lies in a repository.

    Args:
        id: the repository.
        remote: its files.
        source: what is repaired now.
        then: where that is a branch of the source's own, its files at the repaired commit.
        same_bytes: files whose author does not matter.
    """
    manifest = _manifest(id, remote)
    if manifest is None:
        return None
    same = manifest.source.hub == source.hub and (
        manifest.source.id.lower() == source.id.lower()
        or (source.commit is not None and manifest.source.commit == source.commit)
    )
    if then is not None:
        # A newer commit's repair is not taken back by an older one's.
        same &= manifest.source.commit == source.commit or (
            then.get(MANIFEST_NAME) == remote.files[MANIFEST_NAME]
        )
    files: frozenset[str] = frozenset()
    if same:
        files = frozenset({MANIFEST_NAME, *_as_written(id, remote, manifest, same_bytes)})
    of = manifest.source
    return Earlier(of.id, of.commit, manifest.run.time, files, same)


def _manifest(id: str, remote: Remote) -> Manifest | None:
    """The manifest there, if it is one."""
    from huggingface_hub import HfApi

    if MANIFEST_NAME not in remote.files or remote.sizes.get(MANIFEST_NAME, 0) > MANIFEST_LIMIT:
        return None
    path = HfApi().hf_hub_download(id, MANIFEST_NAME, revision=remote.commit)
    try:
        return known(read_manifest(path))
    except DamagedCheckpointError:
        return None  # whatever that is, it names no file of ours


def _as_written(
    id: str, remote: Remote, manifest: Manifest, same_bytes: Collection[str]
) -> list[str]:
    """Files that hold what the manifest says; of small ones the Hub knows no SHA-256."""
    from huggingface_hub import HfApi

    claimed = {
        name: sha256
        for name, sha256 in manifest.files.items()
        if name in remote.files and may_write(name, manifest.include)
    }
    small = [name for name in claimed if not remote.files[name][1] and name not in same_bytes]
    found = [name for name, sha256 in claimed.items() if remote.files[name] == (sha256, True)]
    if small:
        patterns = [glob.escape(name) for name in small]
        folder = HfApi().snapshot_download(id, revision=remote.commit, allow_patterns=patterns)
        found += [name for name in small if sha256_file(Path(folder) / name) == claimed[name]]
    return found
