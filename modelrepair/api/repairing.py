"""The public functions that repair and measure: plan, repair, measure, and rebuilding by a mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair import ranks
from modelrepair.api.telling import telling
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
from modelrepair.progress import Progress
from modelrepair.publishing.admission import WITHOUT_FORCE, WORKS_BACKWARDS
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.push import push as push_folder
from modelrepair.settings.settings import DEFAULT_SETS, NONE, Settings
from modelrepair.source.fetching import saying
from modelrepair.text.displays import Watching

if TYPE_CHECKING:
    from modelrepair.pipeline.reports import MeasureReport
    from modelrepair.preflight.plan import Plan


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
        unit: what is masked as one: ``"entry"``, ``"row"``, attention ``"head"`` or MLP
            ``"neuron"``; default: the scorer's own. See docs/units.md.
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
        answer_later: ask no model for an answer: the search follows the margin, utility and margin
            are taken block by block, and the verdict is "unmeasured" until `decide`.
        judge: the registered judge that calls answers harmful, refusals or harmless.
        judge_options: the judge's options by name.
        judge_endpoint: an OpenAI-compatible server that answers for the model of the guard judge.
        judge_endpoint_model: what that server calls it; default: its id or folder.
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
        progress: what shows the work: by default the display of the command line, in a terminal or
            a notebook alone; None for silence; a function is called with each `Event`, and may
            fail without harm. See docs/events.md.
        reported: called with the report once there is one: before a push, which may fail.

    Returns:
        The verdict, the output folder, the manifest and the measures.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.pipeline.repair import run

    pushing, out = pushing_of(given), _text(given.out)
    reported = given.reported or (lambda report: None)
    with telling("repair", given.progress) as (progress, whole):
        with rows_in_files(sets_of(given)) as sets, saying(progress.note), ranks.together():
            settings = settings_of(given, sets)
            if pushing is not None:
                report = repair_and_push(settings, out, progress, pushing, given.restart, reported)
            else:
                report = run(settings, out, progress, restart=given.restart)
        whole.found(verdict=report.verdict, exit_code=report.exit_code)
    if pushing is None:
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
    ``MODELREPAIR_ENDPOINT_KEY`` or ``OPENAI_API_KEY``. Utility is inconclusive there, and there is
    no perplexity. ``save`` is a file for the verdict on each prompt, by the prompt's digest;
    `decide` takes it.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.evaluation.endpoint import endpoint_or_none
    from modelrepair.pipeline.measure import run_measure

    endpoint = endpoint_or_none(given.endpoint, given.endpoint_model, given.endpoint_at_once)
    with (
        telling("measure", given.progress) as (progress, _),
        rows_in_files(sets_of(given)) as sets,
        saying(progress.note),
    ):
        settings = settings_of(given, _without_defaults(sets))
        save = None if given.save is None else Path(given.save)
        return run_measure(settings, progress, _text(given.template), endpoint, save)


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
    from modelrepair.pipeline.planning import plan_of, say_plan

    pushing = pushing_of(given)
    with telling("plan", given.progress) as (progress, run), rows_in_files(sets_of(given)) as sets:
        settings = settings_of(given, sets)
        made = plan_of(settings, _text(given.out), pushing, restart=given.restart)
        say_plan(progress, replace(made, opening=None))  # whoever calls this has it
        run.found(exit_code=made.exit_code)
    return made


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
    backwards = report.verdict == "backwards"
    why = WORKS_BACKWARDS if backwards else WITHOUT_FORCE.get(report.manifest.verdict)
    if why and (backwards or not options.force):
        return replace(report, warnings=(*report.warnings, f"not pushed: {why}"))
    reported(report)
    made = report.out
    return replace(report, pushed=ranks.share(lambda: push_folder(made, options, progress)))


def apply(
    mask: str | Path,
    source: str | Path,
    *,
    reference: str | Path | None = None,
    base: str | Path | None = None,
    out: str | Path,
    progress: Watching = "auto",
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
        progress: see `repair`.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.verification.origins import origins_of_mask, pinned
    from modelrepair.verification.rebuild import apply as rebuild
    from modelrepair.verification.rebuild import included

    with telling("apply", progress) as (told, _):
        made_from, include = origins_of_mask(Path(mask)), included(Path(mask))
        return rebuild(
            mask,
            pinned(source, made_from.source, include).folder,
            reference=None if reference is None else pinned(reference, made_from.reference).folder,
            base=None if base is None else pinned(base, made_from.base, include).folder,
            out=out,
            progress=told,
        )
