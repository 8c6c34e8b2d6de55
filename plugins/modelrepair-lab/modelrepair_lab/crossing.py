"""Rows crossed with columns: alignments, fine-tunings that start from them, and their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from modelrepair import UsageError
from modelrepair_lab.defences.options import read_aligning, read_tuning
from modelrepair_lab.grid_checks import known, named, numbers
from modelrepair_lab.recipes import AlignRecipe, AttackRecipe

Over = Literal["rate", "epochs", "share", "examples"]
OVERS: tuple[Over, ...] = get_args(Over)
CALLED: Mapping[Over, str] = {
    "rate": "learning rates",
    "epochs": "epochs",
    "share": "shares of harmful examples",
    "examples": "numbers of examples",
}
SHORT: Mapping[Over, str] = {"rate": "lr", "epochs": "epochs", "share": "p", "examples": "n"}
PLAIN = "sft"
"""The method of an alignment that teaches refusals and nothing else."""
MOST_SETTINGS = 4
"""Beside the published values, so that five are compared at most."""

Setting = Mapping[str, Any]
"""Options or arguments that differ from the published ones."""


@dataclass(frozen=True)
class Columns:
    """What every row of a grid is repeated over.

    Args:
        over: the number of the fine-tuning that differs between columns.
        values: of that number.
        quick: those of the values that a quick run has; none named are all.
    """

    over: Over
    values: tuple[float, ...]
    quick: tuple[float, ...] = ()

    def called(self, value: float) -> str:
        """The name of a column.

        >>> Columns("rate", (1e-3,)).called(1e-3), Columns("epochs", (20,)).called(20)
        ('lr 0.001', '20 epochs')
        """
        short = SHORT[self.over]
        return f"{value:g} {short}" if self.over == "epochs" else f"{short} {value:g}"


@dataclass(frozen=True)
class Choice:
    """Where the setting of a method is chosen, once, on the select split.

    Args:
        column: the value of the column.
        seed: of the grid's.
        within: how much task accuracy a setting may lose against the undefended model.
    """

    column: float
    seed: int = 0
    within: float = 0.05


@dataclass(frozen=True)
class AlignRow:
    """One alignment of the model before alignment; it is made once for each seed, and kept.

    Args:
        name: what rows call it.
        recipe: every number of it; its seed is replaced by each of the grid's.
        others: recipes of other settings, by what differs.
    """

    name: str
    recipe: AlignRecipe
    others: Mapping[str, AlignRecipe] = field(default_factory=dict)


@dataclass(frozen=True)
class TunedRow:
    """One fine-tuning, before it is repeated over the columns.

    Args:
        name: its row in the table.
        aligned: the alignment that it starts from.
        recipe: every number of it, but for the column's.
        others: recipes of other settings, by what differs.
    """

    name: str
    aligned: str
    recipe: AttackRecipe
    others: Mapping[str, AttackRecipe] = field(default_factory=dict)

    def at(self, columns: Columns, value: float) -> AttackRecipe:
        """The recipe of one column.

        >>> row = TunedRow("SFT", "SFT", AttackRecipe())
        >>> row.at(Columns("epochs", (1, 20)), 20).epochs
        20.0
        """
        number = int(value) if columns.over == "examples" else float(value)
        return replace(self.recipe, **{columns.over: number})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Crossing:
    """All rows of a crossed grid that are aligned or fine-tuned, and its columns.

    Args:
        columns: what each row is repeated over.
        alignments: where fine-tunings start.
        rows: the fine-tunings; the first is the undefended one that others are compared with.
        choice: where settings are chosen; None where none are.
    """

    columns: Columns
    alignments: tuple[AlignRow, ...]
    rows: tuple[TunedRow, ...]
    choice: Choice | None = None

    def alignment(self, name: str) -> AlignRow:
        """The alignment of a name."""
        return next(each for each in self.alignments if each.name == name)


def crossing_of(document: Mapping[str, Any]) -> Crossing:
    """The crossing that a TOML document describes.

    Raises:
        UsageError: something is missing, unknown, or named twice.
    """
    columns = _columns(document["columns"])
    alignments = tuple(_alignment(row) for row in document.get("align", ()))
    shared = dict(document.get("shared", {}))
    rows = tuple(_tuned({**shared, **row}) for row in document.get("attack", ()))
    for kind, names in (
        ("align", [each.name for each in alignments]),
        ("attack", [each.name for each in rows]),
    ):
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"the grid has no {kind}, or two with one name",
                hint=f"write a table [[{kind}]] with a name of its own for each",
            )
    starts = [each.name for each in alignments]
    for row in rows:
        known(f"attack {row.name!r}, aligned", [row.aligned], starts)
        for value in columns.values:
            row.at(columns, value)
    choice = document.get("choose")
    return Crossing(columns, alignments, rows, choice and _choice(choice, columns))


def quick_form(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same grid with one seed, its quick columns and published values alone.

    >>> columns = {"over": "rate", "values": [0.1, 0.2], "quick": [0.2]}
    >>> said = quick_form({"seeds": [3, 4], "columns": columns})
    >>> said["seeds"], said["columns"]["values"]
    ([3], [0.2])

    Raises:
        UsageError: the grid has no columns.
    """
    if "columns" not in document:
        raise UsageError("this grid has no quick form", hint="leave out --quick")
    columns = dict(document["columns"])
    values = columns.get("quick", columns.get("values"))
    said = {key: value for key, value in document.items() if key != "choose"}
    for kind in ("align", "attack", "repair"):
        said[kind] = [
            {key: value for key, value in row.items() if key != "settings"}
            for row in document.get(kind, ())
        ]
    seeds = list(document.get("seeds", (0,)))[:1]
    return {**said, "seeds": seeds, "columns": {**columns, "values": values}}


def settings_of(where: str, row: Mapping[str, Any]) -> dict[str, Setting]:
    """The other settings of a row, by what differs.

    >>> settings_of("repair 'a'", {"settings": [{"ratio": 0.05}]})
    {'ratio = 0.05': {'ratio': 0.05}}

    Raises:
        UsageError: more than are compared.
    """
    settings = [dict(each) for each in row.get("settings", ())]
    if len(settings) > MOST_SETTINGS:
        raise UsageError(
            f"{where} has {len(settings)} other settings",
            hint=f"give {MOST_SETTINGS} at most: the published values are the fifth",
        )
    return {difference(each): each for each in settings}


def difference(setting: Setting) -> str:
    """What a setting differs in, in words; a model that it needs in any case is no difference.

    >>> difference({"rho": 0.5, "options": {"unaligned": "{unaligned}", "tau": 0.35}})
    'rho = 0.5, tau = 0.35'
    """
    parts = []
    for name, value in setting.items():
        if isinstance(value, Mapping):
            parts.append(difference(value))
        elif not str(value).startswith("{"):
            parts.append(f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}")
    return ", ".join(parts)


def _columns(table: Mapping[str, Any]) -> Columns:
    known("[columns]", table, ["over", "values", "quick"])
    known("[columns], over", [str(table.get("over"))], OVERS)
    values = tuple(float(value) for value in table.get("values", ()))
    chosen = tuple(float(value) for value in table.get("quick", ()))
    if not values or len(set(values)) < len(values):
        raise UsageError("[columns] has no values, or one twice", hint="write values = […] in it")
    if others := set(chosen) - set(values):
        raise UsageError(
            f"[columns] says quick = {min(others):g}, which is none of its values",
            hint=f"it has {', '.join(f'{value:g}' for value in values)}",
        )
    return Columns(table["over"], values, chosen)


def _choice(table: Mapping[str, Any], columns: Columns) -> Choice:
    known("[choose]", table, ["column", "seed", "within"])
    choice = Choice(
        column=float(table["column"]),
        seed=int(table.get("seed", 0)),
        within=float(table.get("within", Choice.within)),
    )
    if choice.column not in columns.values:
        raise UsageError(
            f"[choose] says column {choice.column:g}, which the grid has not",
            hint=f"it has {', '.join(f'{value:g}' for value in columns.values)}",
        )
    return choice


def _alignment(row: Mapping[str, Any]) -> AlignRow:
    name = named("align", row)
    where = f"align {name!r}"
    own = ("name", "method", "options", "settings")
    given = numbers(where, AlignRecipe, {k: v for k, v in row.items() if k not in own})
    method, options = str(row.get("method", PLAIN)), dict(row.get("options", {}))

    def recipe(setting: Setting) -> AlignRecipe:
        if method != PLAIN:
            defence = read_aligning(method, {**options, **setting}, f"{where}, options")
            return AlignRecipe(**given, defence=defence)
        known(f"{where}, options", [*options, *setting], [])
        return AlignRecipe(**given)

    others = {label: recipe(each) for label, each in settings_of(where, row).items()}
    return AlignRow(name, recipe({}), others)


def _tuned(row: Mapping[str, Any]) -> TunedRow:
    name = named("attack", row)
    where = f"attack {name!r}"
    own = ("name", "aligned", "defence", "options", "settings")
    given = numbers(where, AttackRecipe, {k: v for k, v in row.items() if k not in own})
    options = dict(row.get("options", {}))

    def recipe(setting: Setting) -> AttackRecipe:
        if "defence" in row:
            tuning = read_tuning(str(row["defence"]), {**options, **setting}, f"{where}, options")
            return AttackRecipe(**given, defence=tuning)
        known(f"{where}, options", [*options, *setting], [])
        return AttackRecipe(**given)

    if not isinstance(row.get("aligned"), str):
        raise UsageError(
            f"{where} does not say what it starts from", hint='write aligned = "…" in it'
        )
    others = {label: recipe(each) for label, each in settings_of(where, row).items()}
    return TunedRow(name, str(row["aligned"]), recipe({}), others)
