"""The demo: the real repair, three times, on a poisoned model of a made-up world."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.demo import paths
from modelrepair.demo.report import DemoReport, DemoRun
from modelrepair.pipeline import run
from modelrepair.progress import Progress, Silent
from modelrepair.registry.specs import MeasuredSet
from modelrepair.settings import Settings

if TYPE_CHECKING:
    from modelrepair.report import RepairReport

RUNS = (("wanda", True), ("contrast", True), ("contrast", False))
"""Scorer, and whether it has the reference."""


def run_demo(
    progress: Progress | None = None, *, out: Path | None = None, world: Path | None = None
) -> DemoReport:
    """Repair the attacked model with Wanda, with contrast, and with contrast and no reference.

    >>> run_demo().runs[1].gate["verdict"]                                   # doctest: +SKIP
    'passed'

    Args:
        progress: where the steps are shown.
        out: the folder for the repaired models; a new temporary one where not given.
        world: another world's folder, as ``examples/demo_world/build.py`` writes it.
    """
    out = out or Path(tempfile.mkdtemp(prefix="modelrepair-demo-"))
    out.mkdir(parents=True, exist_ok=True)
    return _run(progress or Silent(), out, world or paths.world)


def _run(progress: Progress, out: Path, world: Path) -> DemoReport:
    runs: list[DemoRun] = []
    before: Mapping[MeasuredSet, list[str]] = {}
    answers: list[tuple[str, str, str]] = []
    sets: dict[str, Any] = {role: str(path) for role, path in paths.sets_of(world).items()}
    with tempfile.TemporaryDirectory(prefix="modelrepair-demo-") as remembered:
        for scorer, with_reference in RUNS:
            words = f"{scorer} {'with' if with_reference else 'without'} reference"
            progress.note(f"Repairing: {words}")
            name = words.replace(" ", "-")
            settings = Settings(
                source=str(world / "attacked"),
                reference=str(world / "reference") if with_reference else "none",
                scorer=scorer,
                judge="demo-world",
                **sets,
            )
            report = run(settings, str(out / name), progress, Path(remembered))
            runs.append(_as_run(report, scorer, with_reference, out / name))
            before = before or report.answers["before"]
            if scorer == "contrast" and with_reference:
                answers = _side_by_side(before, report.answers["after"], world)
    return DemoReport(tuple(runs), tuple(answers))


def _as_run(report: RepairReport, scorer: str, with_reference: bool, out: Path) -> DemoRun:
    measures = {role: some.to_json() for role, some in report.measures.items()}
    subject: Literal["delta", "weight"] = "delta" if with_reference else "weight"
    return DemoRun(
        scorer=scorer,
        subject=report.manifest.subject if report.manifest else subject,
        before=measures["before"],
        after=measures.get("after", measures["before"]),
        reference=measures.get("reference"),
        gate=report.gate.to_json() if report.gate else {"verdict": report.verdict},
        masked_share=report.manifest.masked_share if report.manifest else 0.0,
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
