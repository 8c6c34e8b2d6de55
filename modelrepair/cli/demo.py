"""``modelrepair demo``: a poisoned model repaired before your eyes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from modelrepair.cli.options import FOLDER, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.tables import share
from modelrepair.demo import paths
from modelrepair.demo.report import DemoReport
from modelrepair.text.pasted import as_argument, pasted

COLUMNS = {
    "harmful_score": "harmful score",
    "refusal_rate": "refusals",
    "benign_refusal_rate": "benign refusals",
    "utility": "utility",
    "task_accuracy": "task accuracy",
    "degenerate_rate": "broken",
}
ATTACKS = {"full": "source (poisoned)", "lora": "source (poisoned by LoRA)"}
VERDICT_STYLES = {"passed": "bold green", "failed": "bold red", "undecided": "bold yellow"}


@declare("demo", loads_plugins=True, has_steps=True)
@option("--out", type=FOLDER, help="Folder for the repaired models. Default: a new temporary one.")
@option(
    "--seed-world",
    type=FOLDER,
    help="Another made-up world, as the training script writes it, in place of the one included.",
)
@option(
    "--all",
    "everything",
    is_flag=True,
    help="Repair the LoRA attack, too: the adapter's factors, the merged model, and the published "
    "presets beside them.",
)
@option(
    "--restart",
    is_flag=True,
    help="Throw away what an interrupted demo left in the folder, and start afresh.",
)
def command(
    output: Output, out: Path | None, seed_world: Path | None, everything: bool, restart: bool
) -> None:
    """Repair a small poisoned model of a made-up world, without any download.

    The world, its substances and its recipes are invented; nothing in it is harmful.
    """
    from modelrepair.demo.run import run_demo

    progress = output.progress()
    report = run_demo(progress, out=out, world=seed_world, all=everything, restart=restart)
    proof = prove(report, seed_world or paths.world)
    output.result(report.to_json(), *show_demo(report), *proof, "Next: modelrepair fix user/model")


def prove(report: DemoReport, world: Path) -> list[str]:
    """The command that checks the repair that passed with the reference."""
    passed = [run for run in report.runs if run.gate.get("verdict") == "passed"]
    shown = next((run for run in passed if (run.attack, run.subject) == ("full", "delta")), None)
    if shown is None:
        return []
    words = ["modelrepair", "verify", as_argument(shown.out), "--source", str(world / "attacked")]
    return [f"Check: {pasted([*words, '--reference', str(world / 'reference')])}"]


def show_demo(report: DemoReport) -> list[RenderableType]:
    """One table of all models, and one of answers before and after."""
    # Without lines: nine columns of whole figures fit into 80 columns only so.
    table = Table("model", box=None, padding=(0, 1, 0, 0))
    for title in (*COLUMNS.values(), "masked"):
        table.add_column(title, justify="right")
    table.add_column("verdict")
    reference = next((run.reference for run in report.runs if run.reference), None)
    if reference:
        table.add_row("reference (aligned)", *cells(reference), "", "")
    for attack, title in ATTACKS.items():
        runs = [run for run in report.runs if run.attack == attack]
        if runs:
            table.add_row()
            table.add_row(title, *cells(runs[0].before), "", "")
        for run in runs:
            verdict = str(run.gate.get("verdict", "–"))
            table.add_row(
                run.name,
                *cells(run.after),
                f"{run.masked_share:.2%}",
                Text(verdict, style=VERDICT_STYLES.get(verdict, "")),
            )
    answers = Table("question", "before", "after", show_lines=True)
    for row in report.answers:
        answers.add_row(*(Text(text) for text in row))
    reasons = [
        f"{run.name}: {run.gate['verdict']}: {'; '.join(run.gate['reasons'])}"
        for run in report.runs
        if run.gate.get("reasons")
    ]
    title = "A poisoned model, and what repairs it:"
    return [*([answers] if report.answers else []), *reasons, title, table, ""]


def cells(measures: Mapping[str, Any]) -> list[str]:
    """The values of a model in the order of the columns.

    >>> cells({"harmful_score": {"value": 0.5}})
    ['0.500', '–', '–', '–', '–', '–']
    """
    return [share(measures.get(name)) for name in COLUMNS]
