"""The public functions: repair, measure, plan; push, verify and rebuild a repaired model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.examples.given import rows_in_files
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.arguments import (
    MeasureArguments,
    RepairArguments,
    pushing_of,
    sets_of,
    settings_of,
    taking,
)
from modelrepair.pipeline.reports import RepairReport
from modelrepair.progress import Progress, Silent
from modelrepair.publishing.admission import WITHOUT_FORCE
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.push import push as push_folder
from modelrepair.settings.settings import DEFAULT_SETS, NONE, Settings
from modelrepair.source.fetching import saying

if TYPE_CHECKING:
    from modelrepair.artifact.findings import Verification
    from modelrepair.auditing.behaviour.measured import Measuring
    from modelrepair.auditing.results import Audit
    from modelrepair.pipeline.reports import MeasureReport, RepairReport
    from modelrepair.preflight.plan import Plan
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
        progress: where long steps are shown.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.publishing.options import PushOptions, globs_of
    from modelrepair.publishing.push import push as send

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
    attestation: str | Path | None = None,
    public_key: str | Path | None = None,
    progress: Progress | None = None,
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
        progress: where the bytes compared are shown.

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
    with saying((progress or Silent()).note):
        return verify_origins(out, revision, source, reference, base, progress, given)


def attest(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    sign_key: str | Path | None = None,
    time: bool = False,
    progress: Progress | None = None,
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
        progress: where the bytes read are shown.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.publishing.attest import attest_folder

    return attest_folder(
        Path(folder),
        None if out is None else Path(out),
        sign_key=None if sign_key is None else Path(sign_key),
        time=time,
        progress=progress,
    )


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
    progress: Progress | None = None,
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
        progress: where long steps are shown.

    Raises:
        ModelRepairError: the model can't be opened; see `modelrepair.errors`.
    """
    from modelrepair.auditing.audit import audit_one, choices_of

    choices = choices_of(
        base=base, candidates=candidates, source=source, reference=reference, budget=budget,
        seed=seed, deep=deep, proof=proof, inventory=inventory, measuring=measure,
    )  # fmt: skip
    return audit_one(model, revision, choices, progress)


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
    progress: Progress | None = None,
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
        progress: where their number is shown.

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
    yield from audit_all(
        names,
        lambda name: audit_one(name, choices=choices),
        state=kept,
        at_once=at_once,
        progress=progress,
    )


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
    from modelrepair.verification.origins import origins_of_mask, pinned
    from modelrepair.verification.rebuild import apply as rebuild
    from modelrepair.verification.rebuild import included

    made_from, include = origins_of_mask(Path(mask)), included(Path(mask))
    return rebuild(
        mask,
        pinned(source, made_from.source, include).folder,
        reference=None if reference is None else pinned(reference, made_from.reference).folder,
        base=None if base is None else pinned(base, made_from.base, include).folder,
        out=out,
        progress=progress,
    )


@taking(RepairArguments)
def repair(given: RepairArguments) -> RepairReport:  # noqa: D417 (its fields are documented)
    """Repair a model: find the weights responsible for harmful answers, remove them, measure it.

    >>> import modelrepair
    >>> from modelrepair import demo_paths as paths
    >>> report = modelrepair.repair(
    ...     paths.attacked, reference=paths.reference, scorer="contrast", judge="demo-world",
    ...     out="repaired", **paths.sets)                                    # doctest: +SKIP
    >>> report.verdict, report.exit_code                                     # doctest: +SKIP
    ('passed', 0)

    Args:
        source: a folder, or a Hub id: a whole model, or a PEFT adapter.
        revision: branch, tag or commit on the Hub.
        base: the model that an adapter adapts; default: the Hub id that its config names.
        merge: merge the adapter into its base, and repair the whole model.
        reference: the aligned model that the source was fine-tuned from (folder or Hub id),
            ``"none"``, or ``"auto"``: an adapter's base, else the base that the source's card
            names, where it fits and its own harmful score is at most 0.10.
        subject: what is masked: an adapter's factors, the weights, or their delta from the
            reference; ``"auto"`` is the factors of an adapter, else the delta where there is a
            reference.
        targets: globs on tensor names; only these are repaired.
        exclude: globs on tensor names; these are not.
        allow_partial: go on where less than 95 % of the blocks' matrices can be reached.
        include: globs on file names: files of the source that the model does not need, to be
            taken along all the same. Never weights, pickles, code or credentials.
        realign: harmful prompts with harmful answers: a registered name, a file or folder
            (JSON Lines, JSON, CSV, parquet), or ``org/name[:config][:split][@revision]`` on the
            Hub; or rows, such as ``[{"prompt": "…"}]``, a data set of `datasets` or a table of
            pandas. Preference data give the refusals too. Prompts alone will do, and
            ``"self:SET"`` takes the source's own answers that the judge calls harmful.
        refusal: harmful prompts with safe answers; where not given, the reference's own
            refusals of the realign prompts, or made ones.
        utility: benign prompts with good answers; ``"self:SET"`` takes the source's own answers
            to the prompts of a set, ``"none"`` does without.
        borderline: benign prompts that look harmful, or ``"none"``.
        test_realign: what is reported on in place of a part of ``realign``.
            Filter, columns and limit of the set hold for it too.
        test_refusal: the same for the refusal set.
        test_utility: the same for the utility set.
        test_borderline: the same for the borderline set.
        realign_filter: ``column=value``: only such rows are taken; a column named twice may
            have either value.
        refusal_filter: the same for the refusal set.
        utility_filter: the same for the utility set.
        borderline_filter: the same for the borderline set.
        realign_columns: which columns hold prompt, response, input, system, messages, chosen,
            rejected or exact, where their names are not known.
        refusal_columns: the same for the refusal set.
        utility_columns: the same for the utility set.
        borderline_columns: the same for the borderline set.
        realign_limit: at most so many rows, the first that the filter takes.
        refusal_limit: the same for the refusal set.
        utility_limit: the same for the utility set.
        borderline_limit: the same for the borderline set.
        examples: the most examples of each set to score with.
        kind_examples: report examples of each kind of benign prompt; 0 asks for no kinds.
        max_length: in tokens; longer answers are cut.
        preset: ``"antidote-official"`` or ``"antidote-paper"``: the published method.
        scorer: a registered name or ``path/file.py:Class``; default: Wanda, then contrast where
            no Wanda repair meets the budgets.
        scorer_options: the scorer's options by name.
        repairer: in place of a scorer, a registered repairer: it gives whole matrices new values
            (docs/repairers.md).
        repairer_options: the repairer's options by name.
        strength: in the repairer's own unit; default: searched for. Of one that trains,
            the steps.
        scope: per ``row``, per ``tensor`` or ``global``; default: the scorer's own.
        ratio: share of the entries to mask, or ``"auto"`` to search for it; default: the
            preset's, else ``"auto"``.
        scale: what masked entries of the subject are multiplied by.
        step: the share an iterative scorer adds in its first round.
        max_rounds: the most rounds of an iterative scorer, or edits of a repairer; by default 40.
        max_candidates: how many candidates of each scorer, or of the repairer, answer prompts at
            most; by default 8.
        max_time: end the search once the repair is at work for so long, ``"30m"``, ``"2h"`` or
            seconds, after the round or the answered candidate under way; the best candidate by
            then is taken, measured and judged. Time before an interruption counts.
        protect: share of each tensor that is never masked, by Wanda on the utility set.
            Default: 0.10 for the weight subject where there is a utility set, else 0.
        fallback: without a scorer: try contrast where Wanda does not reach the target.
        evaluate: measure; without, the ratio must be a number and the verdict is "unmeasured".
        judge: the registered judge that calls answers harmful, refusals or harmless.
        judge_options: the judge's options by name.
        also_template: measure source and result under these chat templates, too: jinja files, or
            models (folder or Hub id) whose tokenizer has them. The reference's own is among them
            where it differs. Figures, no rules of the gate.
        max_new_tokens: length of a generated answer.
        max_thought_tokens: length of a thought before it; one that never ends counts as
            degenerate.
        thought_markers: more marks of thoughts, each as ``"OPEN CLOSE"``; those that the chat
            template or the tokens name are known.
        budgets: the gate's numbers.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` …
        arithmetic: what the model computes in; the files keep their dtype.
        token_budget: tokens of a batch; part of what makes a mask repeatable.
        seed: of whatever is drawn, such as the batches of a repairer that trains.
        out: output folder; default ``./NAME-repaired``.
        store_values: keep the masked entries' new values beside the mask.
        restart: throw away what an unfinished repair left in ``OUT.partial``, and start afresh.
        push: push the saved model to the Hub; see `push` for the options that follow.
        to: the target on the Hub.
        to_revision: see `push`.
        pr: see `push`.
        in_place: see `push`.
        keep_other_weights: see `push`.
        delete: see `push`.
        private: see `push`.
        force: see `push`.
        progress: where long steps are shown.
        reported: called with the report once there is one: before a push, which may fail.

    Returns:
        The verdict, the output folder, the manifest and the measures.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.pipeline.repair import run

    pushing, out = pushing_of(given), _text(given.out)
    progress, reported = given.progress or Silent(), given.reported or (lambda report: None)
    with rows_in_files(sets_of(given)) as sets, saying(progress.note):
        settings = settings_of(given, sets)
        if pushing is not None:
            return repair_and_push(settings, out, progress, pushing, given.restart, reported)
        report = run(settings, out, progress, restart=given.restart)
    reported(report)
    return report


@taking(MeasureArguments)
def measure(given: MeasureArguments) -> MeasureReport:
    """Measure any model on whole example sets; nothing is changed or written.

    >>> import modelrepair
    >>> from modelrepair import demo_paths as paths
    >>> report = modelrepair.measure(
    ...     paths.attacked, realign=paths.sets["test_realign"], judge="demo-world"
    ... )                                                                    # doctest: +SKIP
    >>> report.measures.harmful_score.value > 0.9                            # doctest: +SKIP
    True

    ``model`` is a folder or a Hub id; the other arguments are those of `repair`. Sets are
    measured whole, none is taken unless it is named, and harmful prompts need no answers.
    ``template`` takes another chat template in place of the model's own: a jinja file, or a model
    whose tokenizer has it. ``endpoint`` is the address of an OpenAI-compatible server that has the
    model as ``endpoint_model``, and is asked ``endpoint_at_once`` prompts together; then ``model``
    gives tokenizer and chat template, and no weight of it is read. The key comes from the variable
    ``MODELREPAIR_ENDPOINT_KEY`` or ``OPENAI_API_KEY``. Utility is inconclusive there.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.evaluation.endpoint import endpoint_or_none
    from modelrepair.pipeline.measure import run_measure

    progress = given.progress or Silent()
    endpoint = endpoint_or_none(given.endpoint, given.endpoint_model, given.endpoint_at_once)
    with rows_in_files(sets_of(given)) as sets, saying(progress.note):
        settings = settings_of(given, _without_defaults(sets))
        return run_measure(settings, progress, _text(given.template), endpoint)


@taking(RepairArguments)
def plan(given: RepairArguments) -> Plan:
    """Say what a repair would take, from names and shapes alone: no weight is read.

    >>> import modelrepair
    >>> from modelrepair import demo_paths as paths
    >>> modelrepair.plan(paths.attacked, realign=paths.sets["realign"]).blocks
    4

    The arguments are those of `repair`. A registered set that is not here is looked up and not
    fetched. What `repair` would refuse before it reads a weight is in ``error``.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.pipeline.planning import plan_of

    pushing = pushing_of(given)
    with rows_in_files(sets_of(given)) as sets:
        settings = settings_of(given, sets)
        return plan_of(settings, _text(given.out), pushing, restart=given.restart)


def _without_defaults(sets: Mapping[SetKey, str | Path | None]) -> dict[SetKey, str | Path | None]:
    """The sets, with "none" for each that has a default and was not given."""
    missing = {SetKey(name): NONE for name in DEFAULT_SETS if sets[SetKey(name)] is None}
    return {**sets, **missing}


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


def repair_and_push(
    settings: Settings,
    out: str | None,
    progress: Progress,
    options: PushOptions,
    restart: bool = False,
    reported: Callable[[RepairReport], object] = lambda report: None,
) -> RepairReport:
    """Repair a model, save it, and push what was saved.

    Args:
        settings: every choice of the repair.
        out: the output folder.
        progress: where long steps are shown.
        options: where it goes.
        restart: throw away what an unfinished repair left beside the output.
        reported: called with the report before the push begins, which may fail.

    Raises:
        ModelRepairError: before anything is downloaded, where nothing could be pushed; after
            saving, where the push was stopped.
    """
    from modelrepair.pipeline.repair import run

    report = run(settings, out, progress, pushing=options, restart=restart)
    if report.out is None or report.manifest is None:
        return report
    why = WITHOUT_FORCE.get(report.manifest.verdict)
    if why and not options.force:
        return replace(report, warnings=(*report.warnings, f"not pushed: {why}"))
    reported(report)
    return replace(report, pushed=push_folder(report.out, options, progress))
