"""The public functions on a repaired model: push it, prove it, build it again from its mask."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.progress import Progress, Silent
from modelrepair.source.fetching import saying

if TYPE_CHECKING:
    from modelrepair.proof.findings import Verification
    from modelrepair.publish.push import PushReport


def push(
    folder: str | Path,
    *,
    to: str | None = None,
    to_revision: str | None = None,
    pr: bool = False,
    in_place: bool = False,
    keep_other_weights: bool = False,
    private: bool = False,
    force: bool = False,
    delete: Iterable[str] = (),
    progress: Progress | None = None,
) -> PushReport:
    """Push a repaired model from its folder to the Hub, in one commit.

    >>> import modelrepair
    >>> modelrepair.push("model-repaired").target                            # doctest: +SKIP
    'me/model-repaired'

    Run it again, and it finishes what a failure left, or says that nothing is to be pushed. What
    was made from a private model goes to a private repository, from a gated one to a gated one.

    Args:
        folder: the repaired model.
        to: the target, ``name`` or ``user/name``; by itself ``<me>/<model>-repaired``.
        to_revision: a branch of the target, made where it is missing.
        pr: open a pull request on the source; where one is open, go on with that.
        in_place: write to the source's own repository. As in a pull request, the files that hold
            the weights as they were, and pickles, are deleted by the same commit.
        keep_other_weights: in a pull request or in place, leave those files where they are; the
            card warns of them, and `verify` does not pass.
        private: make the new repository private.
        force: push a repair that failed, is undecided or unmeasured.
        delete: globs of files at the target that no repair of ours wrote: they are deleted, or
            replaced where the push writes one of their name. Without, they stay, or stop it.
        progress: where long steps are shown.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.publish.push import push as send
    from modelrepair.publish.pushing import PushOptions, globs_of

    options = PushOptions(
        to, to_revision, pr, in_place, keep_other_weights, private, force, globs_of(delete)
    )
    return send(Path(folder), options, progress)


def verify(
    out: str | Path,
    *,
    revision: str | None = None,
    source: str | Path | None = None,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Prove that a repaired model is its source with nothing changed but what its manifest names.

    >>> import modelrepair
    >>> modelrepair.verify("me/model-repaired").ok                           # doctest: +SKIP
    True

    Runs no model and nobody's code, and needs no torch, but where an adapter was merged first.

    Args:
        out: the repaired model: a folder, or a Hub id.
        revision: branch, tag, commit or pull request (``refs/pr/1``) of a Hub id.
        source: what it was made from: a folder, or a Hub id, of which the commit is taken that
            the manifest names; by default the manifest's.
        reference: the aligned model, where the subject is a delta; likewise.
        base: the model that the source adapts, where it is an adapter; likewise.
        progress: where the bytes compared are shown.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.proof.origins import verify_origins

    with saying((progress or Silent()).note):
        return verify_origins(out, revision, source, reference, base, progress)


def apply(
    mask: str | Path,
    source: str | Path,
    *,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    out: str | Path,
    progress: Progress | None = None,
) -> Path:
    """Rebuild a repaired model from its source and its mask, bit for bit, on any processor.

    >>> import modelrepair
    >>> modelrepair.apply("model-repaired", "user/model", out="rebuilt")     # doctest: +SKIP
    PosixPath('rebuilt')

    Args:
        mask: a repaired model's folder, or its ``repair/mask.safetensors`` alone.
        source: what the mask was made for: a folder, or a Hub id, of which the commit is taken
            that the mask names.
        reference: the aligned model, where the subject is a delta; an id likewise.
        base: the model that the source adapts, where an adapter was merged first; an id likewise.
        out: the folder to write.
        progress: where the bytes written are shown.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.proof.apply import apply as rebuild
    from modelrepair.proof.apply import included
    from modelrepair.proof.origins import origins_of_mask, pinned

    made_from, include = origins_of_mask(Path(mask)), included(Path(mask))
    return rebuild(
        mask,
        pinned(source, made_from.source, include).folder,
        reference=None if reference is None else pinned(reference, made_from.reference).folder,
        base=None if base is None else pinned(base, made_from.base, include).folder,
        out=out,
        progress=progress,
    )
