"""The public functions that publish a repair: push and attest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.api.telling import telling
from modelrepair.publishing.options import PushOptions
from modelrepair.text.displays import Watching

if TYPE_CHECKING:
    from modelrepair.publishing.attest import Attestation
    from modelrepair.publishing.push import PushReport


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
    progress: Watching = "auto",
) -> PushReport:
    """Push a repaired model from its folder to the Hub, in one commit.

    >>> import modelrepair
    >>> modelrepair.push("model-repaired").target                            # doctest: +SKIP
    'me/model-repaired'

    Run it again, and it finishes what a failure left, or says that nothing is to be pushed. What
    was made from a private model goes to a private repository, from a gated one to a gated one.

    Args:
        folder: the repaired model.
        to: the target, ``name`` or ``user/name``; default ``<me>/<model>-repaired``.
        to_revision: a branch of the target, made where it is missing.
        pr: open a pull request on the source; where one is open, continue that.
        in_place: write to the source's own repository. As in a pull request, the files that hold
            the weights as they were, and pickles, are deleted by the same commit.
        keep_other_weights: in a pull request or in place, leave those files where they are; the
            card warns of them, and `verify` does not pass.
        private: make the new repository private.
        force: push a repair that failed, is undecided or unmeasured.
        delete: globs of files at the target that no repair of ours wrote: they are deleted, or
            replaced where the push writes one of their name. Without, they stay, or stop it.
        progress: see `repair`.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.publishing.options import globs_of
    from modelrepair.publishing.push import push as send

    options = PushOptions(
        to, to_revision, pr, in_place, keep_other_weights, private, force, globs_of(delete)
    )
    with telling("push", progress) as (told, run):
        report = send(Path(folder), options, told)
        run.found(exit_code=report.exit_code)
    return report


def attest(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    sign_key: str | Path | None = None,
    time: bool = False,
    progress: Watching = "auto",
) -> Attestation:
    """Write an in-toto statement of a repair: what went in, how it was changed, what came out.

    >>> import modelrepair
    >>> modelrepair.attest("model-repaired").out                             # doctest: +SKIP
    PosixPath('model-repaired.intoto.json')

    The same repair gives the same bytes. Others check it with `verify`, which derives the repair
    from its source again: that is the proof. A signature only says whose statement it is.

    Args:
        folder: the repaired model.
        out: the file to write; default: beside the folder, ``<folder>.intoto.json``.
        sign_key: the PEM file of a private key on an elliptic curve: the signature goes beside the
            statement, under its name and ``.sig``. Needs the extra ``sign``.
        time: put the time into the statement, which is then another each time.
        progress: see `repair`.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.publishing.attest import attest_folder

    with telling("attest", progress) as (told, _):
        return attest_folder(
            Path(folder),
            None if out is None else Path(out),
            sign_key=None if sign_key is None else Path(sign_key),
            time=time,
            progress=told,
        )
