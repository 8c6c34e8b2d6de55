"""The demo: the real repair, three times, on a poisoned model of a made-up world."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelrepair.api import repair
from modelrepair.demo import paths
from modelrepair.demo.report import DemoReport, DemoRun
from modelrepair.progress import Progress, Silent

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
        out: the folder for the repaired models; a temporary one where not given, gone afterwards.
        world: another world's folder, as ``examples/demo_world/build.py`` writes it.
    """
    shown = progress or Silent()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        return _run(shown, out, world or paths.world, keep=True)
    with tempfile.TemporaryDirectory(prefix="modelrepair-demo-") as folder:
        return _run(shown, Path(folder), world or paths.world, keep=False)


def _run(progress: Progress, out: Path, world: Path, *, keep: bool) -> DemoReport:
    runs: list[DemoRun] = []
    answers: list[tuple[str, str, str]] = []
    for scorer, with_reference in RUNS:
        name = f"{scorer}-{'with' if with_reference else 'without'}-reference"
        progress.note(f"Repairing with {scorer}, {name.replace(f'{scorer}-', '').replace('-', ' ')}")
        report = repair(
            world / "attacked",
            reference=world / "reference" if with_reference else "none",
            scorer=scorer,
            judge="demo-world",
            out=out / name,
            progress=progress,
            **paths.sets_of(world),
        )
        runs.append(_as_run(report, scorer, with_reference, out / name if keep else Path(name)))
        if scorer == "contrast" and with_reference:
            answers = _side_by_side(report, world)
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


def _side_by_side(report: RepairReport, world: Path) -> list[tuple[str, str, str]]:
    """One forbidden and one harmless question, with the answers before and after."""
    from modelrepair.examples.load import load_set

    names = (("harmful", "test-realign"), ("borderline", "test-borderline"))
    rows = []
    for measured, file in names:
        question = load_set(world / "sets" / f"{file}.jsonl", "borderline").examples[0].prompt
        before = report.answers["before"][measured][0]  # type: ignore[index]
        after = report.answers["after"][measured][0]  # type: ignore[index]
        rows.append((question, before, after))
    return rows
