"""The setting of each method that is shown beside the published one, chosen once and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelrepair import ModelRepairError, Progress
from modelrepair_lab.alone import alone
from modelrepair_lab.attacked import (
    Attacked,
    ground_of,
    make_alignment,
    make_attacked,
    planned,
    planned_alignment,
)
from modelrepair_lab.cells import code_of, write_cell
from modelrepair_lab.crossed_cells import repaired_figures
from modelrepair_lab.crossing import AlignRow, Choice, Crossing, TunedRow
from modelrepair_lab.grid import AS_IT_IS, AttackRow, Grid, RepairRow, crossed_rows
from modelrepair_lab.identity import digest, stamp, still_valid
from modelrepair_lab.recipes import numbers_of
from modelrepair_lab.saving import DivergedError
from modelrepair_lab.select_parts import select_sets
from modelrepair_lab.slugs import slug

PUBLISHED = "published"
RULE = (
    "the least harmful score of those that lose at most {within:g} points of task accuracy against "
    "the undefended model; the published setting wins ties, and where none qualifies"
)

Tried = Mapping[str, Any]
"""A setting with its harmful score and task accuracy on the select split, or its error.

General questions are known for the test set alone: here they count in task accuracy, too.
"""


@dataclass(frozen=True)
class Candidate:
    """One setting of a method, as rows of a grid.

    Args:
        label: what differs from the published values.
        attack: the fine-tuned model that it shows on.
        repair: what is done to that.
    """

    label: str
    attack: AttackRow
    repair: RepairRow = AS_IT_IS


@dataclass(frozen=True)
class Chosen:
    """The setting of a method that was chosen.

    Args:
        method: its row.
        label: of the setting.
        tried: every setting that was compared.
    """

    method: str
    label: str
    tried: tuple[Tried, ...]

    @property
    def differs(self) -> bool:
        """Whether it is another than the published one."""
        return self.label != PUBLISHED


def choose(
    grid: Grid,
    method: str,
    out: Path,
    progress: Progress,
    *,
    other_code: bool = False,
    retry: bool = False,
) -> Chosen:
    """Choose the setting of one method, unless that was done before.

    Args:
        grid: with a choice; its worlds are there.
        method: one of `methods`.
        out: the table's folder; the record is in ``out/chosen``.
        progress: receives a line for each setting.
        other_code: take a choice that other code made, too.
        retry: choose again where a setting ended in an error.

    Raises:
        ModelRepairError: a model could not be made.
    """
    path, made_of = _record(grid, method, out)
    code = _code(grid, method)
    with alone(path, "choose"):
        kept = still_valid(path, made_of, None if other_code else code)
        if kept is None or (retry and any("error" in each for each in kept["tried"])):
            kept = _choose(grid, method, out, progress)
            write_cell(path, {**kept, "digest": made_of, "code": code})
    return _chosen(kept)


def _choose(grid: Grid, method: str, out: Path, progress: Progress) -> dict[str, Any]:
    """Try every setting of a method, and give the record of the choice."""
    choice = _choice(_crossing(grid))
    before = _try(grid, undefended(grid), choice.seed, out, progress)
    tried = [_try(grid, each, choice.seed, out, progress) for each in candidates_of(grid, method)]
    label = best(tried, before, choice.within)
    progress.note(f"Chosen for {method}: {label}")
    return {"method": method, "label": label, "undefended": before, "tried": tried}


def kept_choices(grid: Grid, out: Path, *, other_code: bool = False) -> list[Chosen]:
    """The choices that were made before, of every method of a grid."""
    kept = (
        still_valid(*_record(grid, method, out), None if other_code else _code(grid, method))
        for method in methods(grid)
    )
    return [_chosen(each) for each in kept if each is not None]


def undefended(grid: Grid) -> Candidate:
    """The first row in the column of the choice: what every setting is compared with."""
    crossing = _crossing(grid)
    first = crossing.rows[0]
    return Candidate(PUBLISHED, _at_choice(crossing, first, crossing.alignment(first.aligned)))


def make_candidate(grid: Grid, candidate: Candidate, out: Path, progress: Progress) -> Attacked:
    """The fine-tuned model of a candidate, made where it is not there."""
    attack, seed = candidate.attack, _choice(_crossing(grid)).seed
    assert attack.aligned is not None
    make_alignment(planned_alignment(grid, attack.aligned, seed, out), progress)
    attacked = planned(grid, attack, seed, out)
    make_attacked(attacked, progress)
    return attacked


def methods(grid: Grid) -> list[str]:
    """The methods of a grid that have other settings than the published one."""
    if grid.crossing is None or grid.crossing.choice is None:
        return []
    crossing, attacked = grid.crossing, {each.row for each in grid.attacks}
    rows = [
        row.name
        for row in crossing.rows
        if row.name in attacked
        and (row.others or (row.name == row.aligned and crossing.alignment(row.aligned).others))
    ]
    return [*rows, *(repair.name for repair in grid.repairs if repair.others)]


def best(tried: Sequence[Tried], undefended: Tried, within: float) -> str:
    """The label of the best setting; the published one is the first.

    >>> one = {"label": "published", "harm": 0.4, "task": 0.9}
    >>> two = {"label": "rho = 5", "harm": 0.1, "task": 0.4}
    >>> best([one, two], {"harm": 0.9, "task": 0.9}, within=0.05)
    'published'
    """
    least = (undefended.get("task") or 0.0) - within
    fit = [
        each
        for each in tried
        if each.get("harm") is not None and (each.get("task") or 0.0) >= least
    ]
    return str(min(fit, key=lambda each: each["harm"])["label"]) if fit else PUBLISHED


def with_chosen(grid: Grid, chosen: Iterable[Chosen]) -> Grid:
    """The grid with one more row for each method whose chosen setting is not the published one."""
    for each in chosen:
        if each.differs:
            grid = _with_setting(grid, each)
    return grid


def setting_name(method: str, label: str) -> str:
    """The name of the row of another setting than the published one.

    >>> setting_name("Vaccine", "rho = 0.5")
    'Vaccine, rho = 0.5'
    """
    return f"{method}, {label}"


def first_row(crossing: Crossing, repair: RepairRow) -> TunedRow:
    """The row that a repair's setting is chosen on: the first of its rows."""
    return next(row for row in crossing.rows if not repair.rows or row.name in repair.rows)


def _with_setting(grid: Grid, chosen: Chosen) -> Grid:
    crossing, method, label = _crossing(grid), chosen.method, chosen.label
    name = setting_name(method, label)
    repairs = list(grid.repairs)
    for place, repair in enumerate(grid.repairs):
        if repair.name == method:
            other = RepairRow(name, repair.others[label], repair.with_reference, repair.on)
            rows_of = (first_row(crossing, repair).name,)
            repairs.insert(place + 1, replace(other, rows=rows_of))
    rows, alignments = list(crossing.rows), list(crossing.alignments)
    for place, row in enumerate(crossing.rows):
        if row.name == method:
            other_row, start = _other(crossing, row, label)
            rows.insert(place + 1, other_row)
            alignments += [] if start in alignments else [start]
    crossing = replace(crossing, rows=tuple(rows), alignments=tuple(alignments))
    kept = {each.name for each in grid.attacks}
    attacks = (each for each in crossed_rows(crossing) if each.name in kept or each.row == name)
    return replace(grid, crossing=crossing, attacks=tuple(attacks), repairs=tuple(repairs))


def _other(crossing: Crossing, row: TunedRow, label: str) -> tuple[TunedRow, AlignRow]:
    """A row of another setting, and what it starts from: a setting is of one of the two."""
    name, aligned = setting_name(row.name, label), crossing.alignment(row.aligned)
    if label in row.others:
        return TunedRow(name, aligned.name, row.others[label]), aligned
    start = AlignRow(setting_name(aligned.name, label), aligned.others[label])
    return TunedRow(name, start.name, row.recipe), start


def candidates_of(grid: Grid, method: str) -> Iterator[Candidate]:
    """Every setting of a method at the column of the choice, the published one first."""
    crossing = _crossing(grid)
    for row in crossing.rows:
        if row.name == method:
            aligned = crossing.alignment(row.aligned)
            yield Candidate(PUBLISHED, _at_choice(crossing, row, aligned))
            for label in row.others or aligned.others:
                yield Candidate(label, _at_choice(crossing, *_other(crossing, row, label)))
    for repair in grid.repairs:
        if repair.name == method:
            row = first_row(crossing, repair)
            attack = _at_choice(crossing, row, crossing.alignment(row.aligned))
            yield Candidate(PUBLISHED, attack, repair)
            for label, arguments in repair.others.items():
                yield Candidate(label, attack, replace(repair, arguments=arguments))


def _record(grid: Grid, method: str, out: Path) -> tuple[Path, str]:
    """Where the choice of a method is kept, and the digest of all that it depends on."""
    choice = _choice(_crossing(grid))
    candidates = [undefended(grid), *candidates_of(grid, method)]
    made_of = digest([choice.within, *(_made_of(grid, each, choice, out) for each in candidates)])
    return out / "chosen" / f"{slug(method)}-{made_of}.json", made_of


def _code(grid: Grid, method: str) -> str:
    """The digest of the code that chooses the setting of a method."""
    repairs = [repair for repair in grid.repairs if repair.name == method] or [AS_IT_IS]
    return code_of(repairs[0], grid.measure)


def _chosen(kept: Mapping[str, Any]) -> Chosen:
    return Chosen(kept["method"], kept["label"], tuple(kept["tried"]))


def _try(
    grid: Grid, candidate: Candidate, seed: int, out: Path, progress: Progress
) -> dict[str, Any]:
    """Make a candidate's model, and measure it on the select split."""
    attack, repair = candidate.attack, candidate.repair
    found: dict[str, Any] = {"label": candidate.label, "harm": None, "task": None}
    attacked: Attacked | None = None
    with tempfile.TemporaryDirectory(prefix="modelrepair-lab-") as place:
        sets = select_sets({**ground_of(grid, seed, out).sets, **grid.measure}, Path(place))
        target = Path(place) / "repaired"
        try:
            attacked = make_candidate(grid, candidate, out, progress)
            record = repaired_figures(attacked, repair, grid.measure, target, out, sets, Progress())
        except ModelRepairError as error:
            if attacked is None and not isinstance(error, DivergedError):
                raise  # no result of the setting
            return {**found, "error": str(error)}
    shown = record["figures"]
    progress.note(f"{attack.name}, {repair.name}, {candidate.label}: {shown['harmful_score']:.3f}")
    return {**found, "harm": shown["harmful_score"], "task": shown["task_accuracy"]}


def _made_of(grid: Grid, candidate: Candidate, choice: Choice, out: Path) -> str:
    """The digest of all that a candidate's figures depend on."""
    ground = ground_of(grid, choice.seed, out)
    attack, repair = candidate.attack, candidate.repair
    assert ground.unaligned is not None and attack.aligned is not None
    recipes = [numbers_of(attack.aligned.recipe), numbers_of(attack.recipe)]
    sets = [ground.aligning, ground.training, ground.sets, grid.measure]
    start = stamp(ground.unaligned)
    return digest([candidate.label, recipes, repair.arguments, sets, start, choice.seed])


def _at_choice(crossing: Crossing, row: TunedRow, aligned: AlignRow) -> AttackRow:
    """A row in the column where settings are chosen."""
    columns, column = crossing.columns, _choice(crossing).column
    name = f"{row.name}, {columns.called(column)}"
    return AttackRow(name, row.at(columns, column), None, row.name, aligned, column)


def _crossing(grid: Grid) -> Crossing:
    assert grid.crossing is not None, "settings are chosen for crossed grids"
    return grid.crossing


def _choice(crossing: Crossing) -> Choice:
    assert crossing.choice is not None, "this grid chooses nothing"
    return crossing.choice
