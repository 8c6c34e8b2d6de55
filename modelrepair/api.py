"""The public functions, keyword by keyword: what the command line calls, and what scripts call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.arguments import settings_of, taking_the_same
from modelrepair.examples.kinds import KIND_EXAMPLES
from modelrepair.given import GivenSet, rows_in_files
from modelrepair.measure.budgets import Budgets
from modelrepair.presets import PresetName
from modelrepair.progress import Progress, Silent
from modelrepair.registry.specs import Scope
from modelrepair.settings import DEFAULT_SETS, NONE
from modelrepair.source.fetching import saying

if TYPE_CHECKING:
    from modelrepair.preflight import Plan
    from modelrepair.report import MeasureReport, RepairReport


def repair(
    source: str | Path,
    *,
    revision: str | None = None,
    base: str | Path | None = None,
    merge: bool = False,
    reference: str | Path = "auto",
    subject: Literal["auto", "factor", "delta", "weight"] = "auto",
    targets: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    allow_partial: bool = False,
    include: str | Iterable[str] = (),
    realign: GivenSet = DEFAULT_SETS["realign"],
    refusal: GivenSet | None = None,
    utility: GivenSet = DEFAULT_SETS["utility"],
    borderline: GivenSet = DEFAULT_SETS["borderline"],
    test_realign: GivenSet | None = None,
    test_refusal: GivenSet | None = None,
    test_utility: GivenSet | None = None,
    test_borderline: GivenSet | None = None,
    realign_filter: str | Iterable[str] = (),
    refusal_filter: str | Iterable[str] = (),
    utility_filter: str | Iterable[str] = (),
    borderline_filter: str | Iterable[str] = (),
    realign_columns: Mapping[str, str] | None = None,
    refusal_columns: Mapping[str, str] | None = None,
    utility_columns: Mapping[str, str] | None = None,
    borderline_columns: Mapping[str, str] | None = None,
    realign_limit: int | None = None,
    refusal_limit: int | None = None,
    utility_limit: int | None = None,
    borderline_limit: int | None = None,
    examples: int = 256,
    kind_examples: int = KIND_EXAMPLES,
    max_length: int = 1024,
    preset: PresetName | None = None,
    scorer: str | None = None,
    scorer_options: Mapping[str, Any] | None = None,
    repairer: str | None = None,
    repairer_options: Mapping[str, Any] | None = None,
    strength: float | None = None,
    scope: Scope | None = None,
    ratio: float | Literal["auto"] | None = None,
    scale: float = 0.0,
    step: float | None = None,
    max_rounds: int | None = None,
    max_candidates: int | None = None,
    max_time: str | float | None = None,
    protect: float | None = None,
    fallback: bool = True,
    evaluate: bool = True,
    judge: str = "keyword",
    judge_options: Mapping[str, Any] | None = None,
    also_template: str | Path | Iterable[str | Path] = (),
    max_new_tokens: int = 128,
    max_thought_tokens: int = 1024,
    thought_markers: str | Iterable[str] = (),
    budgets: Budgets | None = None,
    device: str = "auto",
    arithmetic: Literal["float32", "bfloat16"] = "float32",
    token_budget: int = 2048,
    seed: int = 0,
    out: str | Path | None = None,
    store_values: bool = False,
    restart: bool = False,
    push: bool = False,
    to: str | None = None,
    to_revision: str | None = None,
    pr: bool = False,
    in_place: bool = False,
    keep_other_weights: bool = False,
    delete: Iterable[str] = (),
    private: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    reported: Callable[[RepairReport], object] | None = None,
) -> RepairReport:
    """Repair a model: find the weights responsible for harmful answers, remove them, measure it.

    >>> import modelrepair
    >>> from modelrepair.demo import paths
    >>> report = modelrepair.repair(
    ...     paths.attacked, reference=paths.reference, scorer="contrast", judge="demo-world",
    ...     out="repaired", **paths.sets)                                    # doctest: +SKIP
    >>> report.verdict, report.exit_code                                     # doctest: +SKIP
    ('passed', 0)

    Args:
        source: a folder, or a Hub id: a whole model, or a PEFT adapter.
        revision: branch, tag or commit on the Hub.
        base: the model that an adapter adapts; by itself the Hub id that its config names.
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
        test_realign: what is reported on in place of a part of ``realign``; the others alike.
            Filter, columns and limit of the set hold for it too.
        test_refusal: see there.
        test_utility: see there.
        test_borderline: see there.
        realign_filter: ``column=value``: only such rows are taken; a column named twice may
            have either value. The other sets alike.
        refusal_filter: see there.
        utility_filter: see there.
        borderline_filter: see there.
        realign_columns: which columns hold prompt, response, input, system, messages, chosen,
            rejected or exact, where they aren't found by themselves. The other sets alike.
        refusal_columns: see there.
        utility_columns: see there.
        borderline_columns: see there.
        realign_limit: at most so many rows, the first that the filter takes. The others alike.
        refusal_limit: see there.
        utility_limit: see there.
        borderline_limit: see there.
        examples: the most examples of each set to score with.
        kind_examples: report examples of each kind of benign prompt; 0 asks for no kinds.
        max_length: in tokens; longer answers are cut.
        preset: ``"antidote-official"`` or ``"antidote-paper"``: the published method.
        scorer: a registered name or ``path/file.py:Class``; by itself Wanda, then contrast where
            no Wanda repair meets the budgets.
        scorer_options: the scorer's options by name.
        repairer: in place of a scorer, a registered repairer: it gives whole matrices new values
            (docs/repairers.md).
        repairer_options: the repairer's options by name.
        strength: of the repairer, in its own terms; by itself searched for. Of one that trains,
            the steps.
        scope: per ``row``, per ``tensor`` or ``global``; by itself the scorer's own.
        ratio: share of the entries to mask, or ``"auto"`` to search for it; by itself the
            preset's, else ``"auto"``.
        scale: what masked entries of the subject are multiplied by.
        step: the share an iterative scorer adds in its first round.
        max_rounds: the most rounds of an iterative scorer, or edits of a repairer; by default 40.
        max_candidates: how many candidates of each scorer, or of the repairer, answer prompts at
            most; by default 8.
        max_time: end the search once the repair is at work for so long, ``"30m"``, ``"2h"`` or
            seconds, after the round or the answered candidate under way; the best candidate by
            then is taken, measured and judged. Time before an interruption counts.
        protect: share of each tensor that is never masked, by Wanda on the utility set; by
            itself 0.10 for the weight subject where there is a utility set, else 0.
        fallback: without a scorer: try contrast where Wanda does not reach the target.
        evaluate: measure; without, the ratio must be a number and the verdict is "unmeasured".
        judge: the registered judge that calls answers harmful, refusals or harmless.
        judge_options: the judge's options by name.
        also_template: measure source and result under these chat templates, too: jinja files, or
            models (folder or Hub id) whose tokenizer has them. The reference's own is among them
            by itself where it differs. Figures, no rules of the gate.
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
        out: output folder; by itself ``./NAME-repaired``.
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
    options = locals()

    from modelrepair.pipeline import run
    from modelrepair.publishing import push_options, repair_and_push

    pushing = push_options(push, options)
    progress = progress or Silent()
    with rows_in_files(options) as given, saying(progress.note):
        settings = settings_of(source, given)
        if pushing is not None:
            more = [reported] if reported else []
            return repair_and_push(settings, _text(out), progress, pushing, restart, *more)
        report = run(settings, _text(out), progress, restart=restart)
    if reported is not None:
        reported(report)
    return report


def measure(
    model: str | Path,
    *,
    revision: str | None = None,
    base: str | Path | None = None,
    realign: GivenSet | None = None,
    refusal: GivenSet | None = None,
    utility: GivenSet | None = None,
    borderline: GivenSet | None = None,
    realign_filter: str | Iterable[str] = (),
    refusal_filter: str | Iterable[str] = (),
    utility_filter: str | Iterable[str] = (),
    borderline_filter: str | Iterable[str] = (),
    realign_columns: Mapping[str, str] | None = None,
    refusal_columns: Mapping[str, str] | None = None,
    utility_columns: Mapping[str, str] | None = None,
    borderline_columns: Mapping[str, str] | None = None,
    realign_limit: int | None = None,
    refusal_limit: int | None = None,
    utility_limit: int | None = None,
    borderline_limit: int | None = None,
    max_length: int = 1024,
    judge: str = "keyword",
    judge_options: Mapping[str, Any] | None = None,
    template: str | Path | None = None,
    max_new_tokens: int = 128,
    max_thought_tokens: int = 1024,
    thought_markers: str | Iterable[str] = (),
    device: str = "auto",
    arithmetic: Literal["float32", "bfloat16"] = "float32",
    token_budget: int = 2048,
    seed: int = 0,
    progress: Progress | None = None,
) -> MeasureReport:
    """Measure any model on whole example sets; nothing is changed or written.

    >>> import modelrepair
    >>> from modelrepair.demo import paths
    >>> report = modelrepair.measure(
    ...     paths.attacked, realign=paths.sets["test_realign"], judge="demo-world"
    ... )                                                                    # doctest: +SKIP
    >>> report.measures.harmful_score.value > 0.9                            # doctest: +SKIP
    True

    ``model`` is a folder or a Hub id; the other arguments are those of `repair`. Sets are
    measured whole, none is taken unless it is named, and harmful prompts need no answers.
    ``template`` takes another chat template in place of the model's own: a jinja file, or a model
    whose tokenizer has it.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    options = _only_given(locals())

    from modelrepair.measuring import run_measure

    progress = progress or Silent()
    with rows_in_files(options) as given, saying(progress.note):
        return run_measure(settings_of(model, given), progress, _text(template))


@taking_the_same(repair)
def plan(source: str | Path, **options: Any) -> Plan:
    """Say what a repair would take, from names and shapes alone: no weight is read.

    >>> import modelrepair
    >>> from modelrepair.demo import paths
    >>> modelrepair.plan(paths.attacked, realign=paths.sets["realign"]).blocks
    4

    The arguments are those of `repair`. A registered set that is not here is looked up and not
    fetched. What `repair` would refuse before it reads a weight is in ``error``.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.planning import plan_of
    from modelrepair.publishing import push_options

    pushing, restart = push_options(options["push"], options), bool(options["restart"])
    with rows_in_files(options) as given:
        settings = settings_of(source, given)
        return plan_of(settings, _text(options["out"]), pushing, restart=restart)


def _only_given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with "none" for every set that has a default and was not given."""
    missing = {name: NONE for name in DEFAULT_SETS if arguments[name] is None}
    return {**arguments, **missing}


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)
