"""The public functions that look at what others publish: verify, audit and audits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.api.telling import telling
from modelrepair.source.fetching import saying
from modelrepair.text.displays import Watching

if TYPE_CHECKING:
    from modelrepair.artifact.findings import Verification
    from modelrepair.auditing.behaviour.measured import Measuring
    from modelrepair.auditing.results import Audit


def verify(
    out: str | Path,
    *,
    revision: str | None = None,
    source: str | Path | None = None,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    attestation: str | Path | None = None,
    public_key: str | Path | None = None,
    progress: Watching = "auto",
) -> Verification:
    """Prove that a repaired model is its source with nothing changed but what its manifest names.

    >>> import modelrepair
    >>> modelrepair.verify("me/model-repaired").ok                           # doctest: +SKIP
    True

    Runs no model and no third-party code; needs torch only where an adapter was merged first.

    Args:
        out: the repaired model: a folder, or a Hub id.
        revision: branch, tag, commit or pull request (``refs/pr/1``) of a Hub id.
        source: what it was made from: a folder, or a Hub id, of which the commit is taken that
            the manifest names; by default the manifest's.
        reference: the aligned model, where the subject is a delta; likewise.
        base: the model that the source adapts, where it is an adapter; likewise.
        attestation: a statement that `attest` wrote: whether it says what manifest and files say.
            The repair is checked all the same: a statement proves nothing.
        public_key: the PEM file of who signed that statement.
        progress: see `repair`.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.errors import UsageError
    from modelrepair.verification.attestation import read_attestation
    from modelrepair.verification.origins import verify_origins

    if public_key is not None and attestation is None:
        raise UsageError(
            "a public key, and no attestation that it could have signed",
            hint="name the statement with --attestation",
        )
    given = None if attestation is None else read_attestation(attestation, public_key)
    with telling("verify", progress) as (told, run), saying(told.note):
        found = verify_origins(out, revision, source, reference, base, told, given)
        run.found(exit_code=found.exit_code)
    return found


def audit(
    model: str | Path,
    *,
    revision: str | None = None,
    base: str | Path | None = None,
    candidates: Iterable[str | Path] = (),
    source: str | Path | None = None,
    reference: str | Path | None = None,
    proof: bool = False,
    budget: int | None = None,
    seed: int | None = None,
    deep: bool = False,
    inventory: bool = False,
    measure: Measuring | None = None,
    progress: Watching = "auto",
) -> Audit:
    """Say what an upload is, without trusting it: nothing of it runs, and no pickle is opened.

    >>> import modelrepair
    >>> from modelrepair import demo_paths as paths
    >>> audit = modelrepair.audit(paths.attacked, base=paths.reference, seed=1)
    >>> audit.outcome("found", at_least="error")
    []

    Args:
        model: a folder, or a Hub id.
        revision: branch, tag or commit on the Hub.
        base: what it is compared with, whatever it claims to come from; ``"none"`` for nothing.
        candidates: other models that it may come from.
        source: what a repair was made from; by default what its manifest names.
        reference: the reference that it was made with, where it masks a delta; likewise.
        proof: where it claims to be a repair, derive that again, as `verify` does.
        budget: bytes of each side that may be read; by default 36,000,000.
        seed: of the parts of the weights that are compared; by default a fresh one, so that no
            uploader can aim between them. It is in the result.
        deep: compare every tensor with the base's in full; models on the Hub are downloaded.
        inventory: list the files with their digests, the licences, and the measures that a
            repair states; a folder's files are read whole.
        measure: the sets and the judge that its answers, and its base's, are measured with; by
            default they are not.
        progress: see `repair`.

    Raises:
        ModelRepairError: the model can't be opened; see `modelrepair.errors`.
    """
    from modelrepair.auditing.audit import audit_one, choices_of

    choices = choices_of(
        base=base, candidates=candidates, source=source, reference=reference, budget=budget,
        seed=seed, deep=deep, proof=proof, inventory=inventory, measuring=measure,
    )  # fmt: skip
    with telling("audit", progress) as (told, _):
        return audit_one(model, revision, choices, told)


def audits(
    models: Iterable[str] = (),
    *,
    authors: Iterable[str] = (),
    tags: Iterable[str] = (),
    shard: str | None = None,
    base: str | Path | None = None,
    candidates: Iterable[str | Path] = (),
    source: str | Path | None = None,
    reference: str | Path | None = None,
    proof: bool = False,
    budget: int | None = None,
    seed: int | None = None,
    deep: bool = False,
    inventory: bool = False,
    measure: Measuring | None = None,
    state: str | Path | None = None,
    at_once: int = 4,
    progress: Watching = "auto",
) -> Iterator[Audit]:
    """Look at many models, several at a time, and give each audit as it is done.

    >>> import modelrepair
    >>> from modelrepair import demo_paths as paths
    >>> audits = modelrepair.audits([str(paths.attacked), "./missing"], base="none")
    >>> [str(audit.error) for audit in audits if audit.error]
    ['no folder ./missing']

    A model that can't be looked at ends nothing: its audit holds the error.

    Args:
        models: folders, or ids, each with ``@revision`` where it is not the newest.
        authors: users or organisations, of each all models that the token can see.
        tags: of each, the models on the Hub that have it; with authors, those of theirs.
        shard: ``"i/n"``: of the list, part i of n, by the names alone.
        base: see `audit`.
        candidates: see `audit`.
        source: see `audit`.
        reference: see `audit`.
        proof: see `audit`.
        budget: see `audit`.
        seed: see `audit`.
        deep: see `audit`.
        inventory: see `audit`.
        measure: see `audit`; no endpoint, which answers for one model.
        state: a file that keeps the finished audits: the same call after an interruption gives
            those first, and looks at the others.
        at_once: how many are looked at together.
        progress: see `repair`.

    Raises:
        ModelRepairError: there is no such list; see `modelrepair.errors`.
    """
    from modelrepair.auditing.audit import asked_of, audit_one, check_base, choices_of
    from modelrepair.auditing.bulk import audit_all
    from modelrepair.auditing.state import State
    from modelrepair.auditing.targets import Shard, expand
    from modelrepair.errors import UsageError

    if measure is not None and measure.endpoint is not None:
        raise UsageError("an endpoint answers for one model", hint="audit the models one by one")
    choices = choices_of(
        base=base, candidates=candidates, source=source, reference=reference, budget=budget,
        seed=seed, deep=deep, proof=proof, inventory=inventory, measuring=measure,
    )  # fmt: skip
    part = None if shard is None else Shard.parse(shard)
    names = expand(models, authors=list(authors), tags=list(tags), shard=part)
    check_base(choices)
    kept = None if state is None else State(Path(state), asked_of(choices))
    with telling("audits", progress) as (told, _):
        yield from audit_all(
            names,
            lambda name: audit_one(name, choices=choices),
            state=kept,
            at_once=at_once,
            progress=told,
        )
