"""A measurement of one model on whole sets: nothing is scored, searched, changed or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.artifact.measurement import (
    Measurement,
    check_free,
    rows_of,
    write_measurement,
)
from modelrepair.artifact.records import JudgeRecord, Tool
from modelrepair.engine.device import find_device
from modelrepair.evaluation.measures import figures_of, summarise
from modelrepair.evaluation.results import ExampleResult
from modelrepair.evaluation.standing import broken, broken_line, unread
from modelrepair.moving import temporary_folder
from modelrepair.pipeline.ahead import look_at_model
from modelrepair.pipeline.behind import open_behind
from modelrepair.pipeline.how_asked import answered_by, asking, judge_record
from modelrepair.pipeline.models import check_layout, fetch_source
from modelrepair.pipeline.open_models import open_panel, open_skeleton, weights_of
from modelrepair.pipeline.reports import MeasureReport
from modelrepair.pipeline.standing import SEE_ANSWERS
from modelrepair.pipeline.templates import panel_under
from modelrepair.plugin.names import MeasuredSet
from modelrepair.preflight.model import Model
from modelrepair.preflight.named_sets import named_sets
from modelrepair.preflight.plugins import SelectedPlugins, find_plugins, with_judge
from modelrepair.preflight.sets import load_whole_sets
from modelrepair.progress import Notes, Progress
from modelrepair.settings.checks import check_choices
from modelrepair.settings.settings import Settings
from modelrepair.version import version

if TYPE_CHECKING:
    from modelrepair.evaluation.endpoint import Endpoint, Served
    from modelrepair.evaluation.panel import Panel
    from modelrepair.examples.other_template import OtherTemplate
    from modelrepair.examples.splits import Splits

NO_PROBABILITIES = "utility is inconclusive: an endpoint gives answers and no probabilities"


@dataclass(frozen=True)
class Measured:
    """What was measured of one model.

    Args:
        name: its Hub id, or its folder's name.
        judge: who judged.
        results: one for each example.
        answers: by set; no file keeps them.
        prompts: the digests of the prompts of each set, in the order of their indices.
        warnings: one line each.
        served: how an endpoint answered; None for a model here.
        template: the chat template in place of the model's own, by name; None for its own.
    """

    name: str
    judge: JudgeRecord
    results: tuple[ExampleResult, ...]
    answers: Mapping[MeasuredSet, list[str]]
    prompts: Mapping[MeasuredSet, tuple[str, ...]]
    warnings: tuple[str, ...]
    served: Served | None = None
    template: str | None = None


def run_measure(
    settings: Settings,
    progress: Progress,
    template: str | None = None,
    endpoint: Endpoint | None = None,
    save: Path | None = None,
) -> MeasureReport:
    """Measure one model on whole sets, under its own chat template or another.

    Args:
        settings: which model, and what it is measured with.
        progress: where the work is shown.
        template: in place of the model's own.
        endpoint: what answers in place of the model's weights here.
        save: a file for what each prompt's answer was called; texts are in none.

    Raises:
        UsageError: the file is there already.
    """
    if save is not None:
        check_free(save)
    with progress.step("model") as said:
        found = measure_model(settings, progress, template, endpoint, text=True)
        said.found(**figures_of(found.results))
    if save is not None:
        write_measurement(save, _saved(settings, found))
    return MeasureReport(
        found.name,
        summarise(found.results, found.judge.name),
        found.answers,
        found.warnings,
        found.template,
        found.served,
    )


def _saved(settings: Settings, found: Measured) -> Measurement:
    """A measurement as it is saved."""
    asked = asking(settings)
    return Measurement(
        tool=Tool(version=version()),
        model=found.name,
        template=found.template,
        judge=found.judge,
        asked=asked,
        answers=answered_by(found.served, found.name, asked),
        rows=tuple(rows_of(found.results, found.prompts)),
    )


def measure_model(
    settings: Settings,
    progress: Progress,
    template: str | None = None,
    endpoint: Endpoint | None = None,
    *,
    text: bool = False,
) -> Measured:
    """The same, example by example.

    Args:
        settings: as `run_measure`, and so the next three.
        progress: where the work is shown.
        template: in place of the model's own.
        endpoint: what answers in place of the model's weights here.
        text: whether the package's own text is followed too, where the weights are here.
    """
    from modelrepair.examples.other_template import read_template

    check_choices(settings)
    notes = Notes()
    plugins = find_plugins(settings, notes)
    for line in plugins.remarks:
        progress.note(line)
    ahead = (
        look_at_model(settings.source, settings.revision, settings.base, settings.include)
        if endpoint is None
        else None
    )
    chosen = with_judge(plugins)
    sets = load_whole_sets(named_sets(settings), notes)
    other = None if template is None else read_template(template)
    if endpoint is not None:
        found = _behind(settings, sets, chosen, other, endpoint, notes, progress)
    else:
        assert ahead is not None
        found = _here(settings, ahead, sets, chosen, other, notes, progress, text=text)
    name, panel, results, answers, served = found
    if broken_share := broken(results):
        notes.warn(
            f"the model cannot be judged: {broken_line(results, broken_share)}; {SEE_ANSWERS}"
        )
    for line in unread(results, "model"):
        notes.warn(line.removesuffix(": undecided at best"))
    return Measured(
        name,
        judge_record(settings, chosen),
        tuple(results),
        answers,
        {
            some: tuple(example.prompt_digest for example in examples)
            for some, examples in panel.prompts("report").items()
        },
        (*notes.warnings, *chosen.judge_notes),
        served,
        None if other is None else other.name,
    )


Found = tuple[str, "Panel", list[ExampleResult], Mapping[MeasuredSet, list[str]], "Served | None"]


def _here(
    settings: Settings,
    ahead: Model,
    sets: Splits,
    chosen: SelectedPlugins,
    other: OtherTemplate | None,
    notes: Notes,
    progress: Progress,
    *,
    text: bool,
) -> Found:
    """A model with its weights, in this process."""
    from modelrepair.evaluation.evaluate import check_sweep, evaluate
    from modelrepair.evaluation.own_text import as_read, follow_text

    check_layout(ahead, settings.arithmetic)
    model = fetch_source(ahead, settings.include)
    device = find_device(settings.device)
    skeleton = open_skeleton(model, device, settings.arithmetic)
    panel = open_panel(settings, model, skeleton, sets, chosen.judge, notes)
    if other is not None:
        panel = panel_under(panel, other)
    read = weights_of(model, device, settings.arithmetic).read
    if "utility" in sets:
        check_sweep(panel, skeleton, read, panel.splits["utility"].report)
    with temporary_folder() as folder:
        work = folder / "measuring"
        results, answers = evaluate(panel, "report", skeleton, read, work, progress)
        if text:
            own = as_read(panel.template)
            results += follow_text(panel, own, skeleton, read, work, progress)
    return model.name, panel, results, answers, None


def _behind(
    settings: Settings,
    sets: Splits,
    chosen: SelectedPlugins,
    other: OtherTemplate | None,
    endpoint: Endpoint,
    notes: Notes,
    progress: Progress,
) -> Found:
    """A model that answers elsewhere: no weight of it is read."""
    from modelrepair.evaluation.evaluate import evaluate_answers
    from modelrepair.evaluation.remote import RemoteModel

    opened = open_behind(settings, sets, chosen.judge, notes)
    panel = opened.panel if other is None else panel_under(opened.panel, other)
    remote = RemoteModel(endpoint, opened.end_ids)
    results, answers = evaluate_answers(panel, "report", remote, progress)
    if "utility" in sets:
        notes.warn(NO_PROBABILITIES)
    served = remote.served
    if served is not None and served.route != "completions":
        notes.warn(
            "the endpoint rendered the messages with its own chat template: it has no /completions"
            " for this model"
        )
    return opened.name, panel, results, answers, served
