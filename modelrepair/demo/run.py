"""The demo: the real repair, several times, on poisoned models of a made-up world."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.demo import paths
from modelrepair.demo.report import DemoReport, DemoRun
from modelrepair.moving import temporary_folder
from modelrepair.pipeline.repair import run
from modelrepair.plugin.names import MeasuredSet
from modelrepair.progress import Progress, running
from modelrepair.settings.settings import Settings

if TYPE_CHECKING:
    from modelrepair.pipeline.reports import RepairReport


@dataclass(frozen=True)
class Planned:
    """One repair of the demo: its row's name, the model's folder, and what is chosen for it.

    Those with the same ``measured`` share the measurements of their source and reference.
    """

    name: str
    source: str
    measured: str
    choices: Mapping[str, Any]


RUNS = (
    Planned("wanda, with reference", "attacked", "full", {"scorer": "wanda"}),
    Planned("contrast, with reference", "attacked", "full", {"scorer": "contrast"}),
    Planned(
        "contrast, without reference",
        "attacked",
        "full",
        {"scorer": "contrast", "reference": "none"},
    ),
)
"""Repairs of the model that was attacked by full fine-tuning."""

LORA_RUNS = (
    Planned("antidote-official, adapter", "adapter", "lora", {"preset": "antidote-official"}),
    Planned("antidote-paper, adapter", "adapter", "lora", {"preset": "antidote-paper"}),
    Planned("contrast, adapter", "adapter", "lora", {"scorer": "contrast"}),
    Planned("contrast, adapter merged", "adapter", "merged", {"scorer": "contrast", "merge": True}),
)
"""Repairs of the adapter that the same attack makes by LoRA: its factors, or merged."""


def run_demo(
    progress: Progress | None = None,
    *,
    out: Path | None = None,
    world: Path | None = None,
    all: bool = False,
    restart: bool = False,
) -> DemoReport:
    """Repair the attacked model with Wanda, with contrast, and with contrast and no reference.

    >>> run_demo().runs[1].gate["verdict"]                                   # doctest: +SKIP
    'passed'

    Args:
        progress: where the steps are shown.
        out: the folder for the repaired models; a new temporary one where not given.
        world: another world's folder, as ``python -m modelrepair_lab.demo_world`` writes it.
        all: the LoRA attack too: the published presets, and contrast on the adapter's factors and
            on the merged model.
        restart: throw away what an interrupted demo left in ``out``.
    """
    out = out or Path(tempfile.mkdtemp(prefix="modelrepair-demo-"))
    out.mkdir(parents=True, exist_ok=True)
    planned = (*RUNS, *LORA_RUNS) if all else RUNS
    # An absolute path is never taken for an id on the Hub.
    progress, world = progress or Progress(), (world or paths.world).absolute()
    with running("demo", progress):
        return _run(progress, out, world, planned, restart)


def _run(
    progress: Progress, out: Path, world: Path, planned: Iterable[Planned], restart: bool
) -> DemoReport:
    runs: list[DemoRun] = []
    before: Mapping[MeasuredSet, list[str]] = {}
    answers: list[tuple[str, str, str]] = []
    sets: dict[str, Any] = {role: str(path) for role, path in paths.sets_of(world).items()}
    with temporary_folder(prefix="modelrepair-demo-") as remembered:
        for each in planned:
            progress.note(f"Repairing: {each.name}")
            folder = out / each.name.replace(",", "").replace(" ", "-")
            known = "base" if each.source == "adapter" else "reference"
            choices = {known: str(world / "reference"), **each.choices}
            source = str(world / each.source)
            settings = Settings(source=source, judge="demo-world", **choices, **sets)
            measured = Path(remembered) / each.measured
            report = run(settings, str(folder), progress, measured, restart=restart)
            runs.append(_as_run(report, each, settings.scorer, settings.subject, folder))
            before = before or report.answers.get("before", {})
            after = report.answers.get("after", {})
            # Of a repair that an earlier demo finished, the answers were not kept.
            if each.name == "contrast, with reference" and before and after:
                answers = _side_by_side(before, after, world)
    return DemoReport(tuple(runs), tuple(answers))


def _as_run(
    report: RepairReport, planned: Planned, scorer: str | None, subject: str, out: Path
) -> DemoRun:
    measures = {role: some.to_json() for role, some in report.measures.items()}
    manifest = report.manifest
    return DemoRun(
        name=planned.name,
        attack="lora" if planned.source == "adapter" else "full",
        scorer=manifest.by.name if manifest else str(scorer),
        subject=manifest.subject if manifest else subject,
        before=measures["before"],
        after=measures.get("after", measures["before"]),
        reference=measures.get("reference"),
        gate=report.gate.to_json() if report.gate else {"verdict": report.verdict},
        masked_share=manifest.masked_share if manifest else 0.0,
        out=str(out),
    )


def _side_by_side(
    before: Mapping[MeasuredSet, list[str]], after: Mapping[MeasuredSet, list[str]], world: Path
) -> list[tuple[str, str, str]]:
    """One forbidden and one harmless question, with the answers before and after."""
    from modelrepair.examples.load import load_set

    rows = []
    pairs: tuple[tuple[MeasuredSet, str], ...] = (
        ("harmful", "test-realign"),
        ("borderline", "test-borderline"),
    )
    for measured, file in pairs:
        question = load_set(world / "sets" / f"{file}.jsonl", "borderline").examples[0].prompt
        rows.append((question, before[measured][0], after[measured][0]))
    return rows
