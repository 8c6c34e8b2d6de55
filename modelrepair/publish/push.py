"""Push a repaired model from its folder: one commit, whole or not at all, and never twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.writer import write_text
from modelrepair.errors import HubError
from modelrepair.place import reserved
from modelrepair.progress import Progress, Silent
from modelrepair.publish.admission import admit, check_files
from modelrepair.publish.card import render_card
from modelrepair.publish.destination import Destination, find_destination, manifest_at
from modelrepair.publish.files import CARD_NAME, card_text
from modelrepair.publish.huberrors import push_errors
from modelrepair.publish.kin import kin_of
from modelrepair.publish.manifest import MANIFEST_NAME, Manifest
from modelrepair.publish.message import TITLE, description, title
from modelrepair.publish.pushing import PushOptions
from modelrepair.publish.reading import read_manifest
from modelrepair.publish.remote import HUBS_OWN, Remote, list_remote, replaced

OPEN = ("open", "draft")


@dataclass(frozen=True)
class PushReport:
    """What a push did.

    Args:
        target: the repository's id; ``url`` where to look at it.
        kind: new repository, pull request or in place.
        revision: the branch that was written, ``refs/pr/N`` of a pull request.
        commit: what that branch is at now.
        private: whether the target is private; ``gated`` how access is asked for, or None.
        pushed: files that were sent; empty where the Hub had them all.
        deleted: files that the commit took out of the repository.
        verdict: the repair's.
    """

    target: str
    url: str
    kind: str
    revision: str
    commit: str
    private: bool
    gated: str | None
    pushed: tuple[str, ...]
    deleted: tuple[str, ...]
    verdict: str

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to push."""
        return not self.pushed and not self.deleted

    @property
    def exit_code(self) -> int:
        """1 where a repair was pushed that did not pass the gate."""
        return 1 if self.verdict in ("failed", "undecided") else 0

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        lists = {"pushed": list(self.pushed), "deleted": list(self.deleted)}
        return {**asdict(self), **lists, "nothing_to_push": self.nothing}


@dataclass(frozen=True)
class Change:
    """What a commit will do: files to send, and paths to delete."""

    send: tuple[str, ...]
    delete: tuple[str, ...]


def push(folder: Path, options: PushOptions, progress: Progress | None = None) -> PushReport:
    """Push a repaired model; run again, finish what was left, or say that nothing is.

    >>> push(Path("model-repaired"), PushOptions()).target  # doctest: +SKIP
    'me/model-repaired'

    Args:
        folder: the repaired model, as `modelrepair fix` wrote it.
        options: where it goes.
        progress: where long steps are shown.

    Raises:
        GateError: the gate was not passed and ``force`` was not given, or the repair does harm.
        HubError: token, rights, visibility, network, or somebody else's commit.
        UsageError: options or target that make no sense, or another run writes the folder.
        DamagedCheckpointError: the folder is not what its manifest says.
    """
    folder = folder.expanduser().absolute()
    progress = progress or Silent()
    with reserved(folder):
        return _push(folder, options, progress)


def _push(folder: Path, options: PushOptions, progress: Progress) -> PushReport:
    manifest = admit(folder, force=options.force)
    with push_errors(options.to or manifest.source.id, options.command(folder)):
        name = manifest.source.id.rpartition("/")[2]
        destination = find_destination(kin_of(manifest), options, name)
    check_files(folder, manifest, progress)
    with push_errors(destination.id, options.command(folder)):
        _write_card(folder, manifest, destination)
        return _send(folder, manifest, destination, progress)


def change_of(folder: Path, manifest: Manifest, remote: Remote, destination: Destination) -> Change:
    """What it takes to make a repository hold the repaired model and nothing beside it.

    In the source's own repository only files that hold the weights as they were, or pickles, go;
    in a repository that is the repair's alone, everything goes that is not the repair's.
    """
    names = sorted({*manifest.files, CARD_NAME, MANIFEST_NAME})
    send = tuple(
        name for name in names if remote.differs(name, folder / name, manifest.files.get(name))
    )
    rest = remote.files.keys() - set(names) - {HUBS_OWN}
    if destination.kind == "new repository":
        return Change(send, tuple(sorted(rest)))
    return Change(send, tuple(replaced(rest, manifest.left_behind, weights=not destination.keeps)))


def _write_card(folder: Path, manifest: Manifest, destination: Destination) -> None:
    """The card names its repository once that is known, and says what the manifest says."""
    old = card_text(folder)
    card = render_card(
        manifest,
        old,
        target=destination.id,
        beside=destination.keeps,
        digest=read_manifest(folder).digest,
    )
    if card != old:
        write_text(folder / CARD_NAME, card)


def _send(
    folder: Path, manifest: Manifest, destination: Destination, progress: Progress
) -> PushReport:
    from huggingface_hub import HfApi

    api = HfApi()
    _open_repository(api, destination)
    revision, opened = _revision(api, folder, manifest, destination)
    remote = list_remote(destination.id, revision)
    change = change_of(folder, manifest, remote, destination)
    if destination.keeps and (kept := replaced(remote.files.keys() - {*manifest.files}, {})):
        progress.note(
            f"Warning: weights as they were stay in {destination.id}, and a program may load "
            f"them: {', '.join(kept)}; verify will not pass"
        )
    url = f"{api.endpoint}/{destination.id}"
    if opened:
        url += f"/discussions/{revision.rpartition('/')[2]}"
    if change.send or change.delete:
        # The same repair made again differs in its time alone.
        again = {*change.send, *change.delete} <= {CARD_NAME, MANIFEST_NAME}
        if destination.kind != "new repository" and not opened and not again:
            _refuse_changes(api, manifest, destination, remote, change)
        size = sum((folder / name).stat().st_size for name in change.send)
        with progress.step(f"uploading to {destination.id}", size) as advance:
            made = _commit(api, folder, manifest, destination, revision, opened, remote, change)
            advance(size)
        commit = made.oid
        if made.pr_url:
            url, revision = made.pr_url, made.pr_revision
        _look_again(folder, manifest, destination, commit)
    else:
        commit = remote.commit
    return PushReport(
        target=destination.id,
        url=url,
        kind=destination.kind,
        revision=revision,
        commit=commit,
        private=destination.private,
        gated=destination.gated,
        pushed=change.send,
        deleted=change.delete,
        verdict=manifest.verdict,
    )


def _open_repository(api: Any, destination: Destination) -> None:
    """Make the repository, gated before a weight is in it, and the branch."""
    if not destination.exists:
        api.create_repo(destination.id, private=destination.private)
    if destination.kind != "new repository":
        if destination.branch != "main":
            api.create_branch(destination.id, branch=destination.branch, exist_ok=True)
        return
    if destination.gated:
        _close_gate(api, destination)
    if destination.branch != "main":
        api.create_branch(destination.id, branch=destination.branch, exist_ok=True)


def _close_gate(api: Any, destination: Destination) -> None:
    """Let people ask for access; a repository that is private does without, where it has to.

    Raises:
        HubError: a public repository stays open.
    """
    from huggingface_hub.errors import HfHubHTTPError

    if (api.model_info(destination.id).gated or None) == destination.gated:
        return
    try:
        api.update_repo_settings(destination.id, gated=destination.gated)
    except HfHubHTTPError:
        if not destination.private:
            raise
    if not destination.private and not api.model_info(destination.id).gated:
        raise HubError(
            f"its source or reference is gated, and {destination.id} can't be",
            hint="push to a private repository: --private",
        )


def _revision(
    api: Any, folder: Path, manifest: Manifest, destination: Destination
) -> tuple[str, bool]:
    """The branch to write to, and whether it is that of a pull request that is open already."""
    if destination.kind != "pull request":
        return destination.branch, False
    listed = api.get_repo_discussions(
        destination.id, author=destination.account, discussion_type="pull_request"
    )
    ours = [each for each in listed if each.title.startswith(TITLE)]
    still_open = [each.num for each in ours if each.status in OPEN]
    if still_open:
        return f"refs/pr/{max(still_open)}", True
    for each in ours:
        if each.status == "closed":
            _refuse_again(folder, manifest, destination, each.num)
    return "main", False


def _refuse_again(folder: Path, manifest: Manifest, destination: Destination, num: int) -> None:
    """Don't open a pull request again that was closed with the same files in it.

    Raises:
        HubError: the owner closed it.
    """
    there = list_remote(destination.id, f"refs/pr/{num}")
    if not change_of(folder, manifest, there, destination).send:
        raise HubError(
            f"pull request {num} on {destination.id} held this repair and was closed",
            hint="talk to its owner there, or push to a repository of your own",
        )


def _refuse_changes(
    api: Any, manifest: Manifest, destination: Destination, remote: Remote, change: Change
) -> None:
    """Stop where the source was changed since the repair in files that a push would replace.

    Raises:
        HubError: it was.
    """
    if remote.commit == manifest.source.commit:
        return
    then = _known(api, manifest, destination, remote)
    for name in (*change.send, *change.delete):
        if then.files.get(name) != remote.files.get(name):
            raise HubError(
                f"{name} of {manifest.source.id} was changed since this repair",
                hint="repair its newest commit, or push to a repository of your own",
            )


def _known(api: Any, manifest: Manifest, destination: Destination, remote: Remote) -> Remote:
    """The files that this repair may replace: the source's, or an earlier repair's of the same."""
    source = manifest.source
    if MANIFEST_NAME in remote.files:
        for each in api.list_repo_commits(destination.id, revision=remote.commit):
            if each.title.startswith(TITLE):
                earlier = list_remote(destination.id, each.commit_id)
                if MANIFEST_NAME not in earlier.files:
                    break
                repaired = manifest_at(destination.id, each.commit_id).source
                if (repaired.id, repaired.commit) == (source.id, source.commit):
                    return earlier
                break
    return list_remote(source.id, str(source.commit))


def _commit(
    api: Any,
    folder: Path,
    manifest: Manifest,
    destination: Destination,
    revision: str,
    opened: bool,
    remote: Remote,
    change: Change,
) -> Any:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations = [
        *(CommitOperationAdd(name, str(folder / name)) for name in change.send),
        *(CommitOperationDelete(name, is_folder=False) for name in change.delete),
    ]
    return api.create_commit(
        destination.id,
        operations,
        commit_message=title(manifest),
        commit_description=description(manifest, change.delete, read_manifest(folder).digest),
        revision=revision,
        create_pr=destination.kind == "pull request" and not opened,
        parent_commit=remote.commit,
    )


def _look_again(folder: Path, manifest: Manifest, destination: Destination, commit: str) -> None:
    """Make sure that the Hub holds what was sent: a .gitignore there can leave files out.

    Raises:
        HubError: it does not.
    """
    left = change_of(folder, manifest, list_remote(destination.id, commit), destination)
    for name in (*left.send, *left.delete):
        raise HubError(
            f"{destination.id} does not hold {name} as it was sent",
            hint="look for a .gitignore in that repository, and push again",
        )
