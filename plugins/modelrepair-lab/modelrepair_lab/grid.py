"""A grid: which models are attacked how, and which repairs are tried on each of them."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelrepair import UsageError, repair
from modelrepair_lab.crossing import (
    AlignRow,
    Crossing,
    crossing_of,
    quick_form,
    settings_of,
)
from modelrepair_lab.grid_checks import apart, flag, known, named, numbers, several
from modelrepair_lab.recipes import (
    TRAINED,
    AblationRecipe,
    Attack,
    AttackRecipe,
    Method,
)

BUILT_IN = Path(__file__).parent / "grids"
METHODS: tuple[Method, ...] = (*TRAINED, "ablate")
REPAIR_WORDS = ("name", "with_reference", "on", "seeds", "ours", "rows", "settings")
TRAINING = ("harmful", "task", "replay")
ALIGNING = ("refusal", "utility", "known-harmful")
"""Sets that alignments are made of, where a crossed grid has a model of its own."""
OURS_TO_GIVE = ("source", "reference", "base", "out", "push", "progress")
"""What the lab itself says to a repair."""


@dataclass(frozen=True)
class AttackRow:
    """One attack; its recipe's seed is replaced by each of the grid's.

    Args:
        name: its row in the table.
        recipe: every number of it.
        task: the set that it is fine-tuned for, where that is not the grid's.
        row: its row of a crossed grid, where the name says the column, too.
        aligned: the alignment that it starts from, in a crossed grid.
        column: the value of its column there.
    """

    name: str
    recipe: Attack
    task: Path | None = None
    row: str | None = None
    aligned: AlignRow | None = None
    column: float | None = None


@dataclass(frozen=True)
class RepairRow:
    """One repair.

    Args:
        name: its row in the table.
        arguments: keyword arguments of `modelrepair.repair`.
        with_reference: whether it knows the aligned model.
        on: the attacks that it is tried on, by their method.
        seeds: those of the grid's seeds that it is tried on; none named are all.
        ours: whether the others of its setting are compared with it.
        rows: the rows of a crossed grid that it is tried on; none named are all.
        others: the arguments of its other settings, by what differs.
    """

    name: str
    arguments: Mapping[str, Any]
    with_reference: bool = True
    on: tuple[Method, ...] = METHODS
    seeds: tuple[int, ...] = ()
    ours: bool = False
    rows: tuple[str, ...] = ()
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def tried_on(self, recipe: Attack, row: str | None = None) -> bool:
        """Whether the repair is tried on an attack, or on one of a row of a crossed grid.

        >>> RepairRow("mine", {}, on=("full",), seeds=(0,)).tried_on(AttackRecipe(seed=1))
        False
        >>> RepairRow("mine", {}, rows=("SFT",)).tried_on(AttackRecipe(), "Lisa")
        False
        """
        if self.rows and row not in self.rows:
            return False
        return recipe.method in self.on and (not self.seeds or recipe.seed in self.seeds)


AS_IT_IS = RepairRow("as it is", {})
"""No repair: in a crossed grid fine-tuned models are rows, too, and they are measured."""


@dataclass(frozen=True)
class Grid:
    """The description of a table.

    Args:
        seeds: each attack is made once for each.
        attacks: the rows of attacks.
        repairs: the rows of repairs.
        measure: arguments of every repair: judge, sets …
        model: the aligned model's folder; None for the made-up world, one for each seed.
        training: the sets of the attacks, where there is a model.
        general: prompts of the utility test that show general skill, where there is a model.
        unaligned: what the model was aligned from, where that is known.
        aligning: the sets of the alignments, where a crossed grid has a model of its own.
        crossing: rows and columns, where the attacks are rows that are crossed with columns.
        name: of its tables' files, where it is crossed: several share a folder.
    """

    seeds: tuple[int, ...]
    attacks: tuple[AttackRow, ...]
    repairs: tuple[RepairRow, ...]
    measure: Mapping[str, Any] = field(default_factory=dict)
    model: Path | None = None
    training: Mapping[str, Path] = field(default_factory=dict)
    general: Path | None = None
    unaligned: Path | None = None
    aligning: Mapping[str, Path] = field(default_factory=dict)
    crossing: Crossing | None = None
    name: str = "table"

    @property
    def rows(self) -> list[str]:
        """The names of a crossed grid's rows, which an attack may go by, too."""
        return list(dict.fromkeys(each.row for each in self.attacks if each.row is not None))

    def attacked(self) -> Iterator[tuple[AttackRow, int]]:
        """Every attacked model, those of one seed after those of the other."""
        return ((row, seed) for seed in self.seeds for row in self.attacks)


@dataclass(frozen=True)
class Part:
    """The cells of a grid that are run now; none named are all.

    Args:
        seeds: of these seeds.
        attacks: of these attacks, by name.
        repairs: of these repairs, by name.
    """

    seeds: tuple[int, ...] = ()
    attacks: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()

    def of(self, grid: Grid) -> Grid:
        """The same grid with nothing else in it.

        >>> len(Part(attacks=("full, lr 3e-4, p 10 %",)).of(read_grid("quick")).attacks)
        1

        Raises:
            UsageError: the grid has no such row.
        """
        for kind, wanted, there in (
            ("seed", self.seeds, grid.seeds),
            ("attack", self.attacks, [*grid.rows, *(row.name for row in grid.attacks)]),
            ("repair", self.repairs, [row.name for row in grid.repairs]),
        ):
            for name in wanted:
                if name not in there:
                    raise UsageError(
                        f"the grid has no {kind} {name!r}",
                        hint=f"it has {'; '.join(map(str, there))}",
                    )
        attacks, repairs = self.attacks, self.repairs
        return replace(
            grid,
            seeds=self.seeds or grid.seeds,
            attacks=tuple(
                row for row in grid.attacks if not attacks or {row.name, row.row} & {*attacks}
            ),
            repairs=tuple(row for row in grid.repairs if not repairs or row.name in repairs),
        )


def read_grid(grid: str | Path, *, quick: bool = False) -> Grid:
    """Read a grid: a TOML file, or the name of one that comes with the lab.

    >>> grid = read_grid("quick")
    >>> len(grid.attacks), len(grid.seeds)
    (6, 2)

    Args:
        grid: the file or the name.
        quick: one seed, few columns and published values alone; for a crossed grid.

    Raises:
        UsageError: there is no such file, or something in it can't be meant.
    """
    path = BUILT_IN / f"{grid}.toml"
    if not path.is_file():
        path = Path(grid).expanduser()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(each.stem for each in BUILT_IN.glob("*.toml")))
        raise UsageError(
            f"the grid {str(grid)!r} can't be read: {error.strerror}",
            hint=f"give a TOML file, or one of {known}",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is no TOML: {error}", hint="see docs/lab.md") from None
    document = completed(document)
    try:
        read = grid_of(quick_form(document) if quick else document, path.parent)
        return replace(read, name=f"{path.stem}-quick" if quick else path.stem)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise UsageError(
            f"{path.name} holds a value of the wrong kind: {error}", hint="see docs/lab.md"
        ) from error


def completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A grid with everything that it does not say from the built-in grid that it is `like`."""
    said = dict(document)
    if "like" not in said:
        return said
    name = str(said.pop("like"))
    path = BUILT_IN / f"{name}.toml"
    if not path.is_file():
        raise UsageError(f"no built-in grid is called {name!r}", hint="see docs/lab.md")
    return {**completed(tomllib.loads(path.read_text(encoding="utf-8"))), **said}


def grid_of(document: Mapping[str, Any], folder: Path) -> Grid:
    """The grid that a TOML document describes; its paths are relative to the folder.

    Raises:
        UsageError: something is missing, unknown or named twice.
    """
    crossed = "columns" in document
    own = ("columns", "shared", "align", "choose") if crossed else ()
    known("the grid", document, ("seeds", "model", "measure", "attack", "repair", *own))
    model = dict(document.get("model", {}))
    start = "unaligned" if crossed else "reference"
    places = ("general", "unaligned", *TRAINING, *(ALIGNING if crossed else ("reference",)))
    known("[model]", model, places)
    if model and not {start, "task"} <= set(model):
        article = "an unaligned model" if crossed else "a reference"
        raise UsageError(f"[model] lacks {article} or a task", hint="see docs/lab.md")
    there = {name: folder / Path(path).expanduser() for name, path in model.items()}
    measure = {
        name: _placed(name, value, folder) for name, value in document.get("measure", {}).items()
    }
    _check_arguments("[measure]", measure)
    crossing = crossing_of(document) if crossed else None
    if crossing is not None:
        attacks = crossed_rows(crossing)
    else:
        attacks = tuple(_attack(row, folder) for row in document.get("attack", ()))
    repairs = tuple(_repair(row, folder) for row in document.get("repair", ()))
    if not crossed:
        _check_measured(measure, repairs)
    if crossed:
        repairs = (AS_IT_IS, *repairs)
    for kind, names in (
        ("attack", [a.name for a in attacks]),
        ("repair", [r.name for r in repairs]),
    ):
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"the grid has no {kind}, or two with one name",
                hint=f"write a table [[{kind}]] with a name of its own for each",
            )
    rows = [each.name for each in crossing.rows] if crossing else []
    apart("attack", rows or [each.name for each in attacks])
    apart("align", [each.name for each in crossing.alignments] if crossing else [])
    apart("repair", [each.name for each in repairs])
    for row in repairs:
        known(f"repair {row.name!r}, rows", row.rows, rows)
    seeds = tuple(int(seed) for seed in document.get("seeds", (0,)))
    if not seeds or len(set(seeds)) < len(seeds):
        raise UsageError("the grid has no seeds, or one twice", hint="write seeds = [0, 1] in it")
    if crossing is not None and crossing.choice is not None and crossing.choice.seed not in seeds:
        raise UsageError(
            f"[choose] says seed {crossing.choice.seed}, which the grid has not",
            hint=f"it has {', '.join(map(str, seeds))}",
        )
    return Grid(
        seeds=seeds,
        attacks=attacks,
        repairs=repairs,
        measure=measure,
        model=there.get(start),
        training={name: there[name] for name in TRAINING if name in there},
        general=there.get("general"),
        unaligned=there.get("unaligned"),
        aligning={name: there[name] for name in ALIGNING if name in there},
        crossing=crossing,
    )


def crossed_rows(crossing: Crossing) -> tuple[AttackRow, ...]:
    """Every row in every column, as an attack of its own.

    >>> len(crossed_rows(read_grid("paper-lr", quick=True).crossing)) // 3
    6
    """
    columns = crossing.columns
    return tuple(
        AttackRow(
            name=f"{row.name}, {columns.called(value)}",
            recipe=row.at(columns, value),
            row=row.name,
            aligned=crossing.alignment(row.aligned),
            column=value,
        )
        for value in columns.values
        for row in crossing.rows
    )


def _attack(row: Mapping[str, Any], folder: Path) -> AttackRow:
    recipe = AblationRecipe if row.get("method") == "ablate" else AttackRecipe
    own = ("name",) if recipe is AblationRecipe else ("name", "task")
    given = {name: value for name, value in row.items() if name not in own}
    task = folder / Path(row["task"]).expanduser() if "task" in own and "task" in row else None
    typed = numbers(f"attack {row.get('name')!r}", recipe, given)
    return AttackRow(named("attack", row), recipe(**typed), task)


def _repair(row: Mapping[str, Any], folder: Path) -> RepairRow:
    arguments = {
        name: _placed(name, value, folder)
        for name, value in row.items()
        if name not in REPAIR_WORDS
    }
    name = named("repair", row)
    where = f"repair {name!r}"
    others = {label: {**arguments, **each} for label, each in settings_of(where, row).items()}
    for given in (arguments, *others.values()):
        _check_arguments(where, given)
    methods = several(where, row, "on") or METHODS
    known(f"{where}, on", methods, METHODS)
    return RepairRow(
        name=name,
        arguments=arguments,
        with_reference=flag(where, row, "with_reference", default=True),
        on=methods,
        seeds=tuple(int(seed) for seed in several(where, row, "seeds")),
        ours=flag(where, row, "ours", default=False),
        rows=several(where, row, "rows"),
        others=others,
    )


def _check_arguments(where: str, arguments: Mapping[str, Any]) -> None:
    # An argument of a newer modelrepair is no error here: its repair is reported as missing.
    taken = {*inspect.signature(repair).parameters, "repairer", "repairer_options", "strength"}
    known(where, arguments, taken - set(OURS_TO_GIVE))


def _check_measured(measure: Mapping[str, Any], repairs: tuple[RepairRow, ...]) -> None:
    """Refuse repairs without a measurement, where the table has no other figures."""
    for row in repairs:
        if {**measure, **row.arguments}.get("evaluate") is False:
            raise UsageError(
                f"repair {row.name!r} measures nothing, and its table shows what repairs measure",
                hint="leave out evaluate = false, or give the grid [columns]",
            )


def _placed(name: str, value: Any, folder: Path) -> Any:
    """The path of a set or of a scorer's file beside the grid; anything else unchanged."""
    sets = ("realign", "refusal", "utility", "borderline")
    path, colon, scorer = str(value).rpartition(":") if name == "scorer" else (str(value), "", "")
    if name.removeprefix("test_") in (*sets, "scorer") and path and (folder / path).is_file():
        return f"{folder / path}{colon}{scorer}"
    return value
