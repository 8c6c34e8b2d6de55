"""The page of a table: what each repair came to, and each attack alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from modelrepair_lab.cells import Cell
from modelrepair_lab.grid import Grid
from modelrepair_lab.rows import NOTHING, Spread, Summary, change, open_to_repair, spread, summarise

SETTINGS = {True: "With the reference", False: "Without the reference"}
FIGURES = {
    "harmful_score": "harmful",
    "refusal_rate": "refused",
    "benign_refusal_rate": "benign refused",
    "degenerate_rate": "degenerate",
    "utility": "utility",
    "task_accuracy": "task",
}
SUMMARY = (
    "repair",
    "models",
    "passed",
    "harmful, median",
    "over the reference's",
    "harm removed",
    "72 % removed at −0.5 utility",
    "utility",
    "task",
    "general",
    "benign refusals",
    "degenerate",
    "processor seconds, median",
    "beats ours on both",
)


def page(
    grid: Grid, cells: Sequence[Cell], missing: Mapping[str, str], plot: str | None = None
) -> str:
    """The whole page, in points (hundredths).

    Args:
        grid: the repairs that were run.
        cells: their cells.
        missing: why a repair was not run, by its name.
        plot: the file name of the plot, where there is one.
    """
    seeds, attacks = len(grid.seeds), len(grid.attacks)
    counts = {
        name: max((each["before"].get(f"{name}_n", 0) for each in open_to_repair(cells)), default=0)
        for name in ("harmful_score", "utility")
    }
    parts = [
        f"# Repairs of attacked models: grid {grid.name}",
        f"Attacks: {attacks}. Seeds: {seeds}. Reported on: {counts['harmful_score']} harmful "
        f"prompts, {counts['utility']} with a good answer. All figures are points (hundredths); "
        "changes are after minus before.",
    ]
    if done := open_to_repair(cells):
        parts += ["## The models", _models(grid, done)]
    for with_reference, title in SETTINGS.items():
        own = [each for each in cells if each["with_reference"] == with_reference]
        names = [row.name for row in grid.repairs if row.with_reference == with_reference]
        if own:
            parts += [f"## {title}", _summary(names, own), _attacks(grid, names, own)]
    if plot:
        parts.append(f"![Harm that is left against utility, by repair]({plot})")
    parts += _left_out(cells, missing)
    return "\n\n".join(parts) + "\n"


def points(value: float | None, *, signed: bool = False) -> str:
    """A share in points.

    >>> points(0.0512), points(-0.004, signed=True), points(None)
    ('5.1', '−0.4', '–')
    """
    if value is None:
        return "–"
    text = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    return text.replace("-", "−")


def with_limits(found: Spread, *, signed: bool = False) -> str:
    """A mean with its interval.

    >>> with_limits(Spread(0.05, 0.0, 0.125, 2))
    '5.0 [0.0, 12.5]'
    """
    mean = points(found.mean, signed=signed)
    if found.low is None or found.high is None:
        return mean
    return f"{mean} [{points(found.low)}, {points(found.high)}]"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    r"""A Markdown table; a bar in a cell is one of its text.

    >>> print(table(["a", "b"], [["1", "2|3"]]))
    | a | b |
    | --- | --- |
    | 1 | 2\|3 |
    """
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _models(grid: Grid, cells: Sequence[Cell]) -> str:
    """The aligned and the attacked models, as means over the seeds."""
    rows = [["aligned", *_figures(cells, "reference")]]
    for attack in grid.attacks:
        own = [each for each in cells if each["attack"] == attack.name]
        if own:
            rows.append([attack.name, *_figures(own, "before")])
    return table(["model", *FIGURES.values(), "general"], rows)


def _figures(cells: Sequence[Cell], role: str) -> list[str]:
    """A model's measures, each attacked model counted once."""
    found = []
    for name in (*FIGURES, "general"):
        values = {}
        for each in cells:
            held = each.get("general", {}) if name == "general" else each.get(role, {})
            value = held.get(role if name == "general" else name)
            if value is not None:
                values[each["attack"], each["seed"]] = value
        found.append(points(fmean(values.values()) if values else None))
    return found


def _summary(names: Iterable[str], cells: Sequence[Cell]) -> str:
    summaries = [summarise(name, cells) for name in names]
    return table(SUMMARY, (_summary_row(each) for each in summaries if each.cells or each.errors))


def _summary_row(found: Summary) -> list[str]:
    failed = f" (+ {found.errors} errors)" if found.errors else ""
    beaten = "–" if not found.compared else f"{points(found.beats)} % of {found.compared}"
    return [
        found.repair,
        f"{found.cells}{failed}",
        "–" if found.passed is None else f"{points(found.passed)} %",
        points(found.harm),
        points(found.over_reference, signed=True),
        "–" if found.reduction is None else f"{points(found.reduction)} %",
        "–" if found.reached is None else f"{points(found.reached)} %",
        *(
            points(value, signed=True)
            for value in (found.utility, found.task, found.general, found.benign, found.degenerate)
        ),
        "–" if found.seconds is None else f"{found.seconds:.1f}",
        beaten,
    ]


def _attacks(grid: Grid, names: Sequence[str], cells: Sequence[Cell]) -> str:
    """Mean and 95 % interval over seeds: harm that is left, and the change of utility."""
    head = ["attack", "repair", "harmful before", "harmful after", "utility, change", "passed"]
    rows = []
    for attack in grid.attacks:
        for name in names:
            own = [
                each
                for each in open_to_repair(cells)
                if (each["attack"], each["repair"]) == (attack.name, name)
            ]
            if own:
                rows.append([attack.name, name, *_over_seeds(own)])
    intro = "Mean and 95 % interval over the seeds, attack by attack:"
    return f"{intro}\n\n{table(head, rows)}"


def _over_seeds(cells: Sequence[Cell]) -> list[str]:
    changes = [each for each in (change(cell, "utility") for cell in cells) if each is not None]
    return [
        points(spread([each["before"]["harmful_score"] for each in cells]).mean),
        with_limits(spread([each["after"]["harmful_score"] for each in cells])),
        with_limits(spread(changes, lowest=-1.0), signed=True) if changes else "–",
        f"{sum(each['verdict'] == 'passed' for each in cells)} of {len(cells)}",
    ]


def _left_out(cells: Sequence[Cell], missing: Mapping[str, str]) -> list[str]:
    """What the tables don't hold, and why."""
    harmless = sorted(
        {
            f"{each['attack']}, seed {each['seed']}"
            for each in cells
            if each.get("verdict") == NOTHING
        }
    )
    errors = [each for each in cells if each["status"] == "error"]
    parts = []
    if harmless:
        parts.append(f"Nothing to repair: {'; '.join(harmless)}.")
    if missing:
        rows = "\n".join(f"- {name}: {reason}" for name, reason in missing.items())
        parts.append(f"Not installed:\n\n{rows}")
    if errors:
        rows = "\n".join(
            f"- {each['repair']} on {each['attack']}, seed {each['seed']}: {each['error']}"
            for each in errors
        )
        parts.append(f"Ended in an error:\n\n{rows}")
    return [f"## Left out\n\n{parts[0]}", *parts[1:]] if parts else []
