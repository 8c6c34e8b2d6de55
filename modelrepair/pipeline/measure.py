"""A measurement of one model on whole sets: nothing is scored, searched, changed or written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from modelrepair.engine.device import find_device
from modelrepair.evaluation.measures import summarise
from modelrepair.evaluation.standing import broken, broken_line, unread
from modelrepair.pipeline.ahead import look_at_model
from modelrepair.pipeline.models import check_layout, fetch_source
from modelrepair.pipeline.open_models import open_panel, open_skeleton, weights_of
from modelrepair.pipeline.reports import MeasureReport
from modelrepair.pipeline.standing import SEE_ANSWERS
from modelrepair.pipeline.templates import panel_under
from modelrepair.preflight.named_sets import named_sets
from modelrepair.preflight.plugins import find_plugins, with_judge
from modelrepair.preflight.sets import load_whole_sets
from modelrepair.progress import Notes, Progress
from modelrepair.settings.checks import check_choices
from modelrepair.settings.settings import Settings


def run_measure(
    settings: Settings, progress: Progress, template: str | None = None
) -> MeasureReport:
    """Measure one model on whole sets, under its own chat template or another."""
    from modelrepair.evaluation.evaluate import check_sweep, evaluate
    from modelrepair.examples.other_template import read_template

    check_choices(settings)
    notes = Notes()
    plugins = find_plugins(settings, notes)
    ahead = look_at_model(settings.source, settings.revision, settings.base, settings.include)
    chosen = with_judge(plugins)
    sets = load_whole_sets(named_sets(settings), notes)
    check_layout(ahead, settings.arithmetic)
    model = fetch_source(ahead, settings.include)
    device = find_device(settings.device)
    skeleton = open_skeleton(model, device, settings.arithmetic)
    panel = open_panel(settings, model, skeleton, sets, chosen.judge, notes)
    if other := None if template is None else read_template(template):
        panel = panel_under(panel, other)
    read = weights_of(model, device, settings.arithmetic).read
    if "utility" in sets:
        check_sweep(panel, skeleton, read, panel.splits["utility"].report)
    with tempfile.TemporaryDirectory(prefix="modelrepair-") as folder:
        results, answers = evaluate(
            panel,
            "report",
            skeleton,
            read,
            Path(folder) / "measuring",
            progress,
        )
    if found := broken(results):
        notes.warn(f"the model cannot be judged: {broken_line(results, found)}; {SEE_ANSWERS}")
    for line in unread(results, "model"):
        notes.warn(line.removesuffix(": undecided at best"))
    warnings = (*notes.warnings, *chosen.judge_notes)
    measures = summarise(results, chosen.judge.name)
    return MeasureReport(model.name, measures, answers, warnings, other.name if other else None)
