"""A grid: which models are attacked how, and which repairs are tried on each of them."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from modelrepair import UsageError, repair
from modelrepair.plugin.options import convert
from modelrepair_lab.recipes import TRAINED, AblationRecipe, Attack, AttackRecipe, Method

BUILT_IN = Path(__file__).parent / "grids"
METHODS: tuple[Method, ...] = (*TRAINED, "ablate")
REPAIR_WORDS = ("name", "with_reference", "on", "seeds", "ours")
TRAINING = ("harmful", "task", "replay")
OURS_TO_GIVE = ("source", "reference", "base", "out", "push", "progress")
"""What the lab itself says to a repair."""


@dataclass(frozen=True)
class AttackRow:
    """One attack; its recipe's seed is replaced by each of the grid's.

    Args:
        name: its row in the table.
        recipe: every number of it.
        task: the set that it is fine-tuned for, where that is not the grid's.
    """

    name: str
    recipe: Attack
    task: Path | None = None


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
    """

    name: str
    arguments: Mapping[str, Any]
    with_reference: bool = True
    on: tuple[Method, ...] = METHODS
    seeds: tuple[int, ...] = ()
    ours: bool = False

    def tried_on(self, recipe: Attack) -> bool:
        """Whether the repair is tried on an attack.

        >>> RepairRow("mine", {}, on=("full",), seeds=(0,)).tried_on(AttackRecipe(seed=1))
        False
        """
        return recipe.method in self.on and (not self.seeds or recipe.seed in self.seeds)


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
    """

    seeds: tuple[int, ...]
    attacks: tuple[AttackRow, ...]
    repairs: tuple[RepairRow, ...]
    measure: Mapping[str, Any] = field(default_factory=dict)
    model: Path | None = None
    training: Mapping[str, Path] = field(default_factory=dict)
    general: Path | None = None
    unaligned: Path | None = None

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
        for kind, wanted, known in (
            ("seed", self.seeds, grid.seeds),
            ("attack", self.attacks, [row.name for row in grid.attacks]),
            ("repair", self.repairs, [row.name for row in grid.repairs]),
        ):
            for name in wanted:
                if name not in known:
                    raise UsageError(
                        f"the grid has no {kind} {name!r}",
                        hint=f"it has {'; '.join(map(str, known))}",
                    )
        attacks, repairs = self.attacks, self.repairs
        return replace(
            grid,
            seeds=self.seeds or grid.seeds,
            attacks=tuple(row for row in grid.attacks if not attacks or row.name in attacks),
            repairs=tuple(row for row in grid.repairs if not repairs or row.name in repairs),
        )


def read_grid(grid: str | Path) -> Grid:
    """Read a grid: a TOML file, or the name of one that comes with the lab.

    >>> grid = read_grid("quick")
    >>> len(grid.attacks), len(grid.seeds)
    (6, 2)

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
        return grid_of(document, path.parent)
    except (TypeError, ValueError, AttributeError) as error:
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
    _known("the grid", document, ("seeds", "model", "measure", "attack", "repair"))
    model = dict(document.get("model", {}))
    _known("[model]", model, ("reference", "general", "unaligned", *TRAINING))
    if model and not {"reference", "task"} <= set(model):
        raise UsageError("[model] lacks a reference or a task", hint="see docs/lab.md")
    places = {name: folder / Path(path).expanduser() for name, path in model.items()}
    measure = {
        name: _placed(name, value, folder) for name, value in document.get("measure", {}).items()
    }
    _check_arguments("[measure]", measure)
    attacks = tuple(_attack(row, folder) for row in document.get("attack", ()))
    repairs = tuple(_repair(row) for row in document.get("repair", ()))
    for kind, names in (
        ("attack", [a.name for a in attacks]),
        ("repair", [r.name for r in repairs]),
    ):
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"the grid has no {kind}, or two with one name",
                hint=f"write a table [[{kind}]] with a name of its own for each",
            )
    return Grid(
        seeds=tuple(int(seed) for seed in document.get("seeds", (0,))),
        attacks=attacks,
        repairs=repairs,
        measure=measure,
        model=places.get("reference"),
        training={name: places[name] for name in TRAINING if name in places},
        general=places.get("general"),
        unaligned=places.get("unaligned"),
    )


def _attack(row: Mapping[str, Any], folder: Path) -> AttackRow:
    recipe = AblationRecipe if row.get("method") == "ablate" else AttackRecipe
    own = ("name",) if recipe is AblationRecipe else ("name", "task")
    numbers = {name: value for name, value in row.items() if name not in own}
    task = folder / Path(row["task"]).expanduser() if "task" in own and "task" in row else None
    defaults = {
        each.name: each.default for each in fields(recipe) if each.name not in ("seed", "defence")
    }
    _known(f"attack {row.get('name')!r}", numbers, defaults)
    typed: dict[str, Any] = {
        name: convert(value, type(defaults[name])) for name, value in numbers.items()
    }
    return AttackRow(_name("attack", row), recipe(**typed), task)


def _repair(row: Mapping[str, Any]) -> RepairRow:
    arguments = {name: value for name, value in row.items() if name not in REPAIR_WORDS}
    name = _name("repair", row)
    _check_arguments(f"repair {name!r}", arguments)
    methods = tuple(row.get("on", METHODS))
    _known(f"repair {name!r}, on", methods, METHODS)
    return RepairRow(
        name=name,
        arguments=arguments,
        with_reference=bool(row.get("with_reference", True)),
        on=methods,
        seeds=tuple(int(seed) for seed in row.get("seeds", ())),
        ours=bool(row.get("ours", False)),
    )


def _check_arguments(where: str, arguments: Mapping[str, Any]) -> None:
    # An argument of a newer modelrepair is no error here: its repair is reported as missing.
    known = {*inspect.signature(repair).parameters, "repairer", "repairer_options", "strength"}
    _known(where, arguments, known - set(OURS_TO_GIVE))


def _known(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(
                f"{where} says {name!r}, which is not known there",
                hint=f"it knows {', '.join(sorted(known))}",
            )


def _name(kind: str, row: Mapping[str, Any]) -> str:
    if not isinstance(row.get("name"), str):
        raise UsageError(f"a table [[{kind}]] has no name", hint='write name = "…" in it')
    return str(row["name"])


def _placed(name: str, value: Any, folder: Path) -> Any:
    """The path of a set beside the grid; anything else unchanged."""
    sets = ("realign", "refusal", "utility", "borderline")
    if name.removeprefix("test_") in sets and (folder / str(value)).exists():
        return str(folder / str(value))
    return value
