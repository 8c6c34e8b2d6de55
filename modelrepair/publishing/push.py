"""Push a repaired model from its folder: one commit, whole or not at all, and never twice."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair.artifact.card import render_card
from modelrepair.artifact.front_matter import check_front_matter
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.owners import with_owners_text
from modelrepair.artifact.reading import read_manifest
from modelrepair.artifact.rights import rights_warnings, terms_of_repair
from modelrepair.checkpoint.atomic import write_text
from modelrepair.checkpoint.kept_files import CARD_NAME, card_text
from modelrepair.checkpoint.place import reserved
from modelrepair.errors import HubError
from modelrepair.preflight.target import Kept, There
from modelrepair.progress import Progress
from modelrepair.publishing.admission import admit, check_files, names_warning
from modelrepair.publishing.commit_message import description, title
from modelrepair.publishing.destination import Destination, check_rights, find_destination
from modelrepair.publishing.earlier import quoted_by, state_of
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.pulls import branch_of, closed
from modelrepair.publishing.there import State, check_there, sort_there
from modelrepair.publishing.visibility import kin_of
from modelrepair.source.hub_errors import push_errors
from modelrepair.source.repository_files import Remote, list_remote
from modelrepair.text.display import Glance, Glanced
from modelrepair.text.typed_paths import from_home


@dataclass(frozen=True, repr=False)
class PushReport(Glanced):
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
        kept: files there that are no part of the repair, with what `verify` will say of them.
        repair_of: when the repair was made whose place this one took; None where there was none.
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
    kept: tuple[Kept, ...] = ()
    repair_of: str | None = None

    def glance(self) -> Glance:
        """Where it went, and what of it."""
        facts = {
            "url": self.url,
            "kind": self.kind,
            "revision": self.revision,
            "seen": "private" if self.private else "public",
            "pushed": f"{len(self.pushed)} files",
            "deleted": f"{len(self.deleted)} files" if self.deleted else "",
            "verdict": self.verdict,
        }
        done = "nothing to push" if self.nothing else "done"
        return Glance(f"Push to {self.target}: {done}", facts)

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
        HubError: token, rights, visibility, network, or another commit meanwhile.
        UsageError: options or target that make no sense, or another run writes the folder.
        DamagedCheckpointError: the folder is not what its manifest says.
    """
    folder = from_home(folder).absolute()
    progress = progress or Progress()
    with reserved(folder):
        return _push(folder, options, progress)


def _push(folder: Path, options: PushOptions, progress: Progress) -> PushReport:
    manifest = admit(folder, force=options.force)
    with push_errors(options.to or manifest.source.id, options.command(folder)):
        name = manifest.source.id.rpartition("/")[2]
        destination = find_destination(kin_of(manifest), options, name)
    terms = terms_of_repair(manifest)
    check_rights(terms, destination)
    check_front_matter(manifest.metadata, manifest.source.id)
    job = _Job(folder, manifest, destination, options.delete)
    with push_errors(destination.id, options.command(folder)):
        # Said and refused before the weights are read: that takes minutes.
        for line in _sorted(job)[1].lines(destination.id):
            progress.note(line)
    named = destination.id if destination.kind == "new repository" else None
    for line in rights_warnings(terms, named):
        progress.note(f"Warning: {line}")
    if warning := names_warning(manifest):
        progress.note(f"Warning: {warning}")
    check_files(folder, manifest, progress)
    with push_errors(destination.id, options.command(folder)):
        _write_card(folder, manifest, destination)
        return _send(job, progress)


@dataclass(frozen=True)
class _Job:
    """What is pushed, where to, and what may go there."""

    folder: Path
    manifest: Manifest
    destination: Destination
    delete: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The files of the repaired model, but the card."""
        return sorted({*self.manifest.files, MANIFEST_NAME})

    def writes(self, remote: Remote) -> dict[str, bool]:
        """Which of them the destination lacks, or has with other bytes."""
        known = self.manifest.files
        return {
            name: remote.differs(name, self.folder / name, known.get(name)) for name in self.names
        }


def _sorted(job: _Job) -> tuple[State, There]:
    """What lies at the destination, and what becomes of it.

    Raises:
        UsageError: a stranger's file is in the way, or a glob of ``--delete`` takes none.
        HubError: the source was changed since the repair in a file that would be replaced.
    """
    state, writes = state_of(job.destination, job.manifest.source, job.writes)
    there = sort_there(
        state, writes, job.destination, delete=job.delete, left_behind=job.manifest.left_behind
    )
    check_there(there, state, writes, job.destination, job.manifest.source.id, job.delete)
    return state, there


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


def _card_for(job: _Job, state: State) -> bytes:
    """The card as the destination is to hold it: with what its owner wrote around ours."""
    card = (job.folder / CARD_NAME).read_bytes()
    chosen = any(fnmatch.fnmatchcase(CARD_NAME, glob) for glob in job.delete)
    if chosen or not state.card or state.remote.holds(CARD_NAME, card):
        return card
    quoted = quoted_by(state.earlier)
    return with_owners_text(card.decode("utf-8"), state.card, quoted).encode()


def _send(job: _Job, progress: Progress) -> PushReport:
    from huggingface_hub import HfApi

    api, destination, manifest = HfApi(), job.destination, job.manifest
    _open_repository(api, destination)
    job = replace(job, destination=replace(destination, exists=True))
    revision, opened = branch_of(destination)
    if not opened:
        _refuse_closed(job)
    state, there = _sorted(job)
    remote = state.remote
    card = _card_for(job, state)
    send = [name for name, differs in job.writes(remote).items() if differs]
    if not remote.holds(CARD_NAME, card):
        send = sorted([*send, CARD_NAME])
    url = f"{api.endpoint}/{destination.id}"
    if opened:
        url += f"/discussions/{revision.rpartition('/')[2]}"
    commit = remote.commit
    if send or there.deleted:
        size = sum((job.folder / name).stat().st_size for name in send)
        with progress.step(f"uploading to {destination.id}", size, "bytes") as advance:
            made = _commit(api, job, revision, opened, remote, send, there.deleted, card)
            advance(size)
        commit = made.oid
        if made.pr_url:
            url, revision = made.pr_url, made.pr_revision
        _look_again(job, commit, there.deleted, card)
    return PushReport(
        target=destination.id,
        url=url,
        kind=destination.kind,
        revision=revision,
        commit=commit,
        private=destination.private,
        gated=destination.gated,
        pushed=tuple(send),
        deleted=there.deleted,
        verdict=manifest.verdict,
        kept=there.kept,
        repair_of=there.repair_of,
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
            id="target-not-gated",
        )


def _refuse_closed(job: _Job) -> None:
    """Don't open a pull request again that was closed with the same files in it.

    Raises:
        HubError: the owner closed it.
    """
    for number in closed(job.destination):
        there = list_remote(job.destination.id, f"refs/pr/{number}")
        if not any(job.writes(there).values()):
            raise HubError(
                f"pull request {number} on {job.destination.id} held this repair and was closed",
                hint="talk to its owner there, or push to a repository of your own",
                id="pull-request-closed",
            )


def _commit(
    api: Any,
    job: _Job,
    revision: str,
    opened: bool,
    remote: Remote,
    send: Sequence[str],
    delete: Sequence[str],
    card: bytes,
) -> Any:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations = [
        *(
            CommitOperationAdd(name, card if name == CARD_NAME else str(job.folder / name))
            for name in send
        ),
        *(CommitOperationDelete(name, is_folder=False) for name in delete),
    ]
    digest = read_manifest(job.folder).digest
    return api.create_commit(
        job.destination.id,
        operations,
        commit_message=title(job.manifest),
        commit_description=description(job.manifest, delete, digest),
        revision=revision,
        create_pr=job.destination.kind == "pull request" and not opened,
        parent_commit=remote.commit,
    )


def _look_again(job: _Job, commit: str, deleted: Sequence[str], card: bytes) -> None:
    """Make sure that the Hub holds what was sent: a .gitignore there can leave files out.

    Raises:
        HubError: it does not.
    """
    remote = list_remote(job.destination.id, commit)
    missing = [name for name, differs in job.writes(remote).items() if differs]
    missing += [] if remote.holds(CARD_NAME, card) else [CARD_NAME]
    for name in (*missing, *(name for name in deleted if name in remote.files)):
        raise HubError(
            f"{job.destination.id} does not hold {name} as it was sent",
            hint="look for a .gitignore in that repository, and push again",
            id="file-refused",
        )
