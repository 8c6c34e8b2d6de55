"""The public function that decides a repair whose answers were left for later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.api.telling import telling
from modelrepair.examples.given import rows_in_files
from modelrepair.pipeline.arguments import (
    DecideArguments,
    Place,
    judge_elsewhere,
    sets_of,
    taking,
)
from modelrepair.source.fetching import saying

if TYPE_CHECKING:
    from modelrepair.artifact.records import ModelRole
    from modelrepair.pipeline.reports import RepairReport


@taking(DecideArguments)
def decide(given: DecideArguments) -> RepairReport:  # noqa: D417 (its fields are documented)
    """Decide a repair whose answers were left for later (``answer_later``), and write its verdict.

    >>> import modelrepair
    >>> report = modelrepair.decide(
    ...     "model-repaired", before="http://127.0.0.1:8000/v1",
    ...     after="http://127.0.0.1:8001/v1")                                # doctest: +SKIP
    >>> report.verdict, report.exit_code                                     # doctest: +SKIP
    ('passed', 0)

    Asks the prompts of the repair's report, applies its gate, and replaces manifest, card and
    verdicts together. Nothing is replaced where there is nothing to repair. A repair that works
    backwards may be decided again: the models may have been swapped. The prompts' text is in no
    manifest: sets that were files are named again.

    Args:
        out: the repaired model's folder.
        before: what answers for the source: the address of an OpenAI-compatible server, or a file
            that `measure` saved; several files complete each other.
        after: what answers for the repaired model, likewise.
        reference: what answers for the aligned reference, likewise; without, no rule looks at it.
        before_model: what the server of ``before`` calls the source; default: the only model that
            it has, or the source's id.
        after_model: the same for the repaired model.
        reference_model: the same for the reference.
        endpoint_at_once: requests under way together.
        realign: the set of the repair, where it was a file or rows; its digest must be the same.
        refusal: likewise.
        utility: likewise.
        borderline: likewise.
        test_realign: likewise.
        test_refusal: likewise.
        test_utility: likewise.
        test_borderline: likewise.
        base: the model that an adapter adapts; default: the id that its config names.
        judge_options: options of the judge that no manifest holds: secrets, and folders.
        judge_endpoint: see `repair`.
        judge_endpoint_model: see `repair`.
        restart: throw away the answers that an interrupted run left in ``OUT.deciding``.
        progress: where long steps are shown.

    Returns:
        The verdict, the manifest and the measures.

    Raises:
        ModelRepairError: with a hint and an exit code; see `modelrepair.errors`.
    """
    from modelrepair.pipeline.decide import Deciding, run_decide

    places: dict[ModelRole, Place] = {"before": given.before, "after": given.after}
    if given.reference is not None:
        places["reference"] = given.reference
    models: dict[ModelRole, str | None] = {
        "before": given.before_model,
        "after": given.after_model,
        "reference": given.reference_model,
    }
    with (
        telling("decide", given.progress) as (progress, run),
        rows_in_files(sets_of(given)) as sets,
        saying(progress.note),
    ):
        base = None if given.base is None else str(given.base)
        options = {**(given.judge_options or {}), **judge_elsewhere(given)}
        asked = Deciding(places, models, given.endpoint_at_once, sets, base, options)
        report = run_decide(Path(given.out), asked, progress, restart=given.restart)
        run.found(verdict=report.verdict, exit_code=report.exit_code)
    return report
