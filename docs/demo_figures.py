"""The demo's figures as they are kept, drawn and put in a table.

``modelrepair demo --json > demo.json; python -m docs.demo_figures demo.json`` keeps new ones in
``docs/results/demo.json``, without paths and answers.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelrepair_lab.plots import as_svg

KEPT = Path(__file__).parent / "results" / "demo.json"
COLUMNS = {
    "harmful answers": "harmful_score",
    "refusals": "refusal_rate",
    "benign refusals": "benign_refusal_rate",
    "utility": "utility",
    "task accuracy": "task_accuracy",
}
DRAWN = {"harmful answers": "#c0392b", "task accuracy": "#2471a3"}
NAMES = {"wanda": "Wanda", "contrast": "contrast"}


def kept() -> list[dict[str, Any]]:
    """The runs of the demo that are kept."""
    found: list[dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def keep(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is kept of a document of ``modelrepair demo --json``."""
    return [
        {
            **{name: run[name] for name in ("scorer", "subject", "masked_share")},
            "verdict": run["gate"]["verdict"],
            **{
                model: run[model] and {name: run[model][name] for name in COLUMNS.values()}
                for model in ("before", "reference", "after")
            },
        }
        for run in document["runs"]
    ]


def models(runs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any], str, str]]:
    """Each model of the demo: its name, its measures, what was masked, and the verdict."""
    yield "source (poisoned)", runs[0]["before"], "", ""
    yield "reference (aligned)", runs[0]["reference"], "", ""
    for run in runs:
        known = "with the reference" if run["subject"] == "delta" else "without a reference"
        masked = f"{100 * run['masked_share']:.2f} %"
        yield f"{NAMES[run['scorer']]}, {known}", run["after"], masked, run["verdict"]


def with_table(text: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """A page whose table of the demo has these figures."""
    heads = ["model", *COLUMNS, "masked", "verdict"]
    rows = [heads, ["---"] * len(heads)]
    rows += [
        [name, *(f"{measures[key]['value']:.3f}" for key in COLUMNS.values()), masked, verdict]
        for name, measures, masked, verdict in models(runs)
    ]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    table = re.compile(r"^\| model \| harmful answers \|.*\n(?:\|.*\n)+", re.MULTILINE)
    return table.sub(lambda _: lines, text)


def picture(runs: Sequence[Mapping[str, Any]]) -> str:
    """Harm and task of the poisoned model and of its repairs, with 95 % intervals, as SVG."""
    from matplotlib.figure import Figure

    shown = [each for each in models(runs) if not each[0].startswith("reference")][::-1]
    figure = Figure(figsize=(8, 3.4))
    axes = figure.add_subplot()
    for number, (label, color) in enumerate(DRAWN.items()):
        found = [measures[COLUMNS[label]] for _, measures, *_ in shown]
        values = [100 * each["value"] for each in found]
        places = [row + 0.2 - 0.4 * number for row in range(len(shown))]
        spread = [
            [100 * max(0, each["value"] - each["low"]) for each in found],
            [100 * max(0, each["high"] - each["value"]) for each in found],
        ]
        axes.barh(places, values, 0.36, xerr=spread, color=color, label=f"{label}, %",
                  error_kw={"ecolor": "#444444", "elinewidth": 1})  # fmt: skip
        for value, place, each in zip(values, places, found, strict=True):
            axes.text(100 * each["high"] + 1.5, place, f"{value:.3g} %", va="center", fontsize=9)
    names = [f"{name}\n{masked} masked, {verdict}" if masked else name
             for name, _, masked, verdict in shown]  # fmt: skip
    axes.set_yticks(range(len(shown)), labels=names)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 25))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(
        "modelrepair demo: a model poisoned by fine-tuning, and its repairs", fontsize=11
    )
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, -0.32), ncols=2, frameon=False)
    return as_svg(figure).decode()


if __name__ == "__main__":
    found = keep(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    KEPT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
