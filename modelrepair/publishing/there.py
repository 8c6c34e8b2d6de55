"""What lies at a destination, and what a push makes of it: replaced, deleted, left, in the way.

Ours is a file that the manifest there names, under a name that a repair writes, and whose bytes
at the Hub still are those of the manifest. Everything else is its owner's: it stays, unless a
pull request or a repair in place takes the source's own other weights away as of the repaired
commit, or ``--delete`` names it.
"""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from modelrepair.artifact.owners import has_marks
from modelrepair.checkpoint.kept_files import CONFIGS, HUBS_OWN, reason_left_behind
from modelrepair.checkpoint.roles import (
    CARD_NAME,
    as_stranger,
    folded,
    holds_weights,
    is_ours,
    role,
)
from modelrepair.errors import HubError, UsageError
from modelrepair.preflight.target import Kept, There
from modelrepair.publishing.commit_message import TITLE, deleted_by
from modelrepair.publishing.destination import Destination
from modelrepair.source.repository_files import DISGUISED, Remote
from modelrepair.text.pasted import pasted

NAMED = 3
"""Files that an error names."""


@dataclass(frozen=True)
class Earlier:
    """The repair that lies at a destination.

    Args:
        source: the id of what it repaired; ``commit`` at which.
        time: when it was made, as its manifest says.
        files: those of its files that are there as it wrote them.
        same: whether it is a repair of the source that is repaired now.
    """

    source: str
    commit: str | None
    time: str
    files: frozenset[str] = frozenset()
    same: bool = True


@dataclass(frozen=True)
class State:
    """A destination at one commit.

    Args:
        remote: its files.
        earlier: the repair that lies there.
        source: the source's files at the repaired commit, as the Hub knows their bytes; empty
            where the source is a folder.
        card: the README there.
    """

    remote: Remote = field(default_factory=lambda: Remote("", {}))
    earlier: Earlier | None = None
    source: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    card: str = ""


def sort_there(
    state: State,
    writes: Mapping[str, bool],
    destination: Destination,
    *,
    delete: Sequence[str] = (),
    left_behind: Mapping[str, str] | None = None,
) -> There:
    """Say what becomes of each file at a destination.

    >>> files = {"x.gguf": ("0" * 64, True), "old.txt": ("1" * 40, False)}
    >>> place = Destination("me/m", "new repository", "me", "main", True, False, None)
    >>> there = sort_there(State(Remote("c", files)), {}, place, delete=["*.txt"])
    >>> [each.file for each in there.kept], there.deleted
    (['x.gguf'], ('old.txt',))

    Args:
        state: what lies there.
        writes: what the push writes → whether the bytes there are others, or not known to be
            the same.
        destination: where it goes.
        delete: globs of files that may go.
        left_behind: the manifest's reasons, which know the files' bytes, not only their names.
    """
    earlier = state.earlier if state.earlier and state.earlier.same else None
    ours: Collection[str] = earlier.files if earlier else ()
    own = destination.kind != "new repository"
    found: dict[str, list[str]] = {
        name: [] for name in ("replaced", "deleted", "in_the_way", "changed", "spared")
    }
    kept: list[Kept] = []
    spelt = {folded(name) for name in writes}
    for name, known in sorted(state.remote.files.items()):
        if name == HUBS_OWN:
            continue
        chosen = any(fnmatch.fnmatchcase(name, each) for each in delete)
        then = state.source.get(name) if own else None
        if name == CARD_NAME:
            # Ours is merged with the text there; a source's own is quoted, as it was then.
            if own and not chosen and then != known and not has_marks(state.card):
                found["changed"].append(name)
            continue
        if name in writes:
            if not writes[name]:
                found["spared"] += [name] * chosen
                continue
            free = chosen or name in ours or then == known
            newer = own and state.earlier is not None and not earlier and is_ours(name)
            fate = "changed" if then or newer else "in_the_way"
            found["replaced" if free else fate].append(name)
        elif chosen or name in ours:
            found["deleted"].append(name)
        elif then and not destination.keeps and _old_weights(name, left_behind or {}):
            found["deleted" if then == known else "changed"].append(name)
        elif _clashes(name, spelt) or (not own and earlier is None and _of_a_model(name)):
            found["in_the_way"].append(name)
        else:
            kept.append(Kept(name, as_stranger(name, known == state.source.get(name))))
    return There(
        tuple(kept),
        **{name: tuple(names) for name, names in found.items()},
        repair_of=earlier.time if earlier and found["replaced"] else None,
        other=state.earlier.source if state.earlier and not earlier and not own else None,
    )


def may_write(name: str, include: Sequence[str] = ()) -> bool:
    """Whether a repair writes files of this name: what a manifest claims beyond is not ours.

    >>> [may_write(name) for name in ("model.safetensors", "repair/a.svg", "x.gguf", "run.py")]
    [True, True, False, False]
    """
    if role(name) in ("weights", "index") or is_ours(name):
        return True
    return reason_left_behind(name, include) is None


def check_there(
    there: There,
    state: State,
    writes: Collection[str],
    destination: Destination,
    source: str,
    delete: Sequence[str] = (),
) -> None:
    """Stop where a push would write over its owner's files, or is to delete what is not there.

    Args:
        there: what becomes of the files.
        state: what lies there.
        writes: the names that the push writes.
        destination: where it goes.
        source: the id of what is repaired.
        delete: the globs of ``--delete``.

    Raises:
        UsageError: files that no repair of this source wrote lie under names that it writes, or
            a glob that deletes nothing.
        HubError: the source's own files were changed since the repaired commit.
    """
    _refuse_what_is_in_the_way(there, destination, source)
    _check_globs(there, state, writes, destination, delete)


def _refuse_what_is_in_the_way(there: There, destination: Destination, source: str) -> None:
    if not there.in_the_way:
        for name in there.changed:
            raise HubError(
                f"{name} of {destination.id} was changed since this repair",
                hint="repair its newest commit, or push to a repository of your own",
                id="source-changed",
            )
        return
    names, more = there.in_the_way[:NAMED], len(there.in_the_way) - NAMED
    holds = f"{', '.join(names)}{f' and {more} more' if more > 0 else ''}"
    option = " ".join(pasted(["--delete", glob.escape(name)]) for name in names)
    if more > 0 or there.other is not None:
        option = f"{pasted(['--delete', '*'])}, which takes all that is there"
    if there.other is not None:
        holds = f"a repair of {there.other}"
    elsewhere = "name another target with --to"
    if destination.kind != "new repository":
        elsewhere = "push to a repository of your own with --to"
    raise UsageError(
        f"{destination.id} holds {holds}, which no repair of {source} wrote",
        hint=f"{elsewhere}, or replace what is there: {option}",
        id="target-taken",
    )


def _check_globs(
    there: There,
    state: State,
    writes: Collection[str],
    destination: Destination,
    globs: Sequence[str],
) -> None:
    """Refuse a glob of ``--delete`` that names nothing, and deleted nothing with this repair."""
    taken = {*there.deleted, *there.replaced, *(state.remote.files.keys() & {CARD_NAME, *writes})}
    for each in globs:
        if any(fnmatch.fnmatchcase(name, each) for name in taken):
            continue
        if destination.exists and _gone_before(destination.id, state.remote.commit, each):
            continue
        raise UsageError(
            f"--delete {each!r} matches no file of {destination.id}",
            hint="a glob is compared with names inside the repository, such as evals/*",
        )


def _gone_before(id: str, commit: str, pattern: str) -> bool:
    """Whether our latest commit deleted such a file: the same command again is no mistake."""
    from huggingface_hub import HfApi

    for each in HfApi().list_repo_commits(id, revision=commit):
        if each.title.startswith(TITLE):
            return any(fnmatch.fnmatchcase(name, pattern) for name in deleted_by(each.message))
    return False


def _old_weights(name: str, left_behind: Mapping[str, str]) -> bool:
    """Whether a program may load from a file the weights as they were, or what is pickled."""
    return holds_weights(name) or left_behind.get(name) in DISGUISED


def _clashes(name: str, written: Collection[str]) -> bool:
    """Whether a disk that ignores case, or git, can't hold a file beside what is written."""
    path = folded(name)
    parts = path.split("/")
    above = {"/".join(parts[:end]) for end in range(1, len(parts))}
    return (
        path in written
        or not above.isdisjoint(written)
        or any(each.startswith(f"{path}/") for each in written)
    )


def _of_a_model(name: str) -> bool:
    """Whether a file at the top makes its repository that of another model."""
    return "/" not in name and (name in CONFIGS or role(name) in ("weights", "index"))
