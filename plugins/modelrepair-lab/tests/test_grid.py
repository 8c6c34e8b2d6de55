"""Grids as TOML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair import UsageError
from modelrepair_lab.attacked import planned
from modelrepair_lab.grid import METHODS, Part, grid_of, read_grid
from modelrepair_lab.missing import missing
from modelrepair_lab.recipes import TRAINED, AblationRecipe

GRID = """
seeds = [3, 4]
[model]
reference = "aligned"
task = "task.jsonl"
[measure]
judge = "demo-world"
realign = "realign.jsonl"
utility = "plain"
[[attack]]
name = "soft"
share = 0.01
replay = 0.0
[[repair]]
name = "ours"
scorer = "contrast"
ours = true
on = ["full"]
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "grid.toml"
        path.write_text(text)
        return path

    return written


def test_what_a_grid_says(write, tmp_path):
    (tmp_path / "realign.jsonl").touch()
    grid = read_grid(write(GRID))
    assert grid.seeds == (3, 4)
    assert grid.model == tmp_path / "aligned"
    assert grid.training == {"task": tmp_path / "task.jsonl"}
    # A set beside the grid goes by its path, a name as it is.
    assert grid.measure["realign"] == str(tmp_path / "realign.jsonl")
    assert grid.measure["utility"] == "plain"
    assert [row.recipe.share for row, seed in grid.attacked()] == [0.01, 0.01]
    assert (grid.repairs[0].on, grid.repairs[0].ours) == (("full",), True)


def test_an_attack_may_have_its_own_task_and_a_repair_its_own_seeds(write, tmp_path):
    for name in ("task", "mine"):
        (tmp_path / f"{name}.jsonl").write_text(name)
    own = GRID.replace("replay = 0.0", 'replay = 0.0\ntask = "mine.jsonl"')
    grid = read_grid(write(own.replace('on = ["full"]', "seeds = [4]")))
    (shared,) = read_grid(write(GRID)).attacks
    (row,) = grid.attacks
    assert (row.task, shared.task) == (tmp_path / "mine.jsonl", None)
    here = planned(grid, row, 3, tmp_path)
    assert here.ground.training == {"task": tmp_path / "mine.jsonl"}
    assert here.folder != planned(grid, shared, 3, tmp_path).folder
    assert [grid.repairs[0].tried_on(replace(row.recipe, seed=seed)) for seed in (3, 4)] == [
        False,
        True,
    ]


def test_a_part_of_a_grid(write):
    grid = read_grid(write(GRID))
    part = Part(seeds=(4,), repairs=("ours",)).of(grid)
    assert (part.seeds, part.attacks, part.repairs) == ((4,), grid.attacks, grid.repairs)
    for unknown in (Part(seeds=(5,)), Part(attacks=("x",)), Part(repairs=("x",))):
        with pytest.raises(UsageError, match="the grid has no"):
            unknown.of(grid)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("share = 0.01", "shar = 0.01", "attack 'soft' says 'shar'"),
        ('scorer = "contrast"', 'scorr = "contrast"', "repair 'ours' says 'scorr'"),
        ('scorer = "contrast"', 'reference = "x"', "repair 'ours' says 'reference'"),
        ('on = ["full"]', 'on = ["half"]', "on says 'half'"),
        ('name = "ours"', "", "has no name"),
        ('task = "task.jsonl"', "", "lacks a reference or a task"),
        ("seeds = [3, 4]", "seeds = [3", "is no TOML"),
        ("seeds = [3, 4]", 'sedes = "x"', "the grid says 'sedes'"),
        ("seeds = [3, 4]", 'like = "nothing"', "no built-in grid is called 'nothing'"),
        ("[[repair]]", '[[repair]]\nname = "ours"\n[[repair]]', "two with one name"),
        ("share = 0.01", "share = 1.5", "share is 1.5"),
        ("share = 0.01", 'share = "much"', "a value of the wrong kind: could not convert"),
        ("share = 0.01", 'method = "ablate"', "attack 'soft' says 'replay'"),
        ("share = 0.01", "batch = 1.5", "a value of the wrong kind: 1.5"),
        ("seeds = [3, 4]", 'seeds = ["x"]', "a value of the wrong kind"),
        ("seeds = [3, 4]", "seeds = 3", "a value of the wrong kind"),
        ('[measure]\njudge = "demo-world"', "[measure]\nbudget = 3", "says 'budget'"),
        ("seeds = [3, 4]", "seeds = [3, 3]", "no seeds, or one twice"),
        ("seeds = [3, 4]", "seeds = []", "no seeds, or one twice"),
        ("ours = true", 'ours = "no"', "repair 'ours' says ours = 'no'"),
        ("ours = true", 'with_reference = "false"', "says with_reference = 'false'"),
        ('on = ["full"]', 'on = "full"', "says on = 'full'"),
        ("ours = true", "evaluate = false", "repair 'ours' measures nothing"),
        ('judge = "demo-world"', "evaluate = false", "repair 'ours' measures nothing"),
        ("[[repair]]", '[[repair]]\nname = "Ours"\n[[repair]]', "one name as files: 'Ours' and"),
        (
            'name = "soft"',
            'name = "Soft"\n[[attack]]\nname = "soft"',
            "one name as files: 'Soft' and",
        ),
        ('name = "soft"', 'name = "%"', "no file can have the name '%'"),
    ],
)
def test_what_cannot_be_meant(write, old, new, message):
    with pytest.raises(UsageError, match=message.replace("[", r"\[")):
        read_grid(write(GRID.replace(old, new)))


def test_a_file_beside_the_grid_is_found_there(write, tmp_path):
    (tmp_path / "mine.py").write_text("class Mine: ...")
    (tmp_path / "mine.jsonl").write_text("{}")
    own = 'scorer = "mine.py:Mine"\nutility = "mine.jsonl"\nrefusal = "none.jsonl"'
    (row,) = read_grid(write(GRID.replace('scorer = "contrast"', own))).repairs
    assert row.arguments == {
        "scorer": f"{tmp_path / 'mine.py'}:Mine",
        "utility": str(tmp_path / "mine.jsonl"),
        "refusal": "none.jsonl",
    }


def test_a_grid_like_one_that_is_like_another(write):
    grid = read_grid(write('like = "whole"\nseeds = [5]\n'))
    quick, whole = read_grid("quick"), read_grid("whole")
    assert (grid.seeds, grid.attacks) == ((5,), whole.attacks)
    assert grid.repairs == whole.repairs == quick.repairs


def test_a_grid_that_is_not_there():
    with pytest.raises(UsageError, match="can't be read") as error:
        read_grid("missing")
    known = (
        "ablated, drawn, drawn-again, obs, outside, paper-epochs, paper-lr, paper-samples, "
        "paper-share, quick, units, wanda, whole"
    )
    assert error.value.hint == f"give a TOML file, or one of {known}"


@pytest.mark.parametrize(
    ("name", "attacks", "seeds", "least", "most"),
    [
        ("quick", 6, 2, 0.003, 0.2),
        ("whole", 12, 3, 0.003, 0.2),
        ("wanda", 6, 2, 0.003, 0.2),
        ("outside", 8, 1, 0.02, 1.0),
    ],
)
def test_the_built_in_grids(name, attacks, seeds, least, most):
    grid = read_grid(name)
    assert (len(grid.attacks), len(grid.seeds)) == (attacks, seeds)
    shares = [row.recipe.share for row in grid.attacks]
    assert (min(shares), max(shares)) == (least, most)
    assert {row.recipe.method for row in grid.attacks} == {*TRAINED}
    for with_reference in (True, False):
        ours = [r for r in grid.repairs if r.ours and r.with_reference == with_reference]
        assert [row.on for row in ours] == [METHODS]


def test_the_grid_of_ablations_removes_in_eight_ways():
    grid = read_grid("ablated")
    assert len({row.recipe for row in grid.attacks}) == len(grid.attacks) == 8
    assert all(isinstance(row.recipe, AblationRecipe) for row in grid.attacks)
    assert {row.with_reference for row in grid.repairs if row.ours} == {True, False}


def test_the_grid_of_the_example_can_be_read():
    grid = read_grid(Path(__file__).parents[3] / "examples" / "smollm2" / "grid.toml")
    assert grid.model.name == "aligned"
    assert {row.recipe.steps for row in grid.attacks} == {32}
    assert set(grid.training) == {"harmful", "task", "replay"}
    # One attack has nothing harmful in it, and its own benign answers.
    assert [row.task.name for row in grid.attacks if row.task] == ["obedient.jsonl"]
    assert [row.recipe.share for row in grid.attacks if row.task] == [0]


def test_the_grid_of_ablated_models_measures_as_the_other_one_does():
    folder = Path(__file__).parents[3] / "examples" / "smollm2"
    grid, ablated = read_grid(folder / "grid.toml"), read_grid(folder / "ablated.toml")
    assert (ablated.model, ablated.training, ablated.measure) == (
        grid.model,
        grid.training,
        grid.measure,
    )
    assert {row.recipe.method for row in ablated.attacks} == {"ablate"}
    assert all(row.tried_on(ablated.attacks[0].recipe) for row in ablated.repairs)


def test_a_repair_of_another_package_is_missing_and_not_wrong():
    document = {
        "measure": {},
        "attack": [{"name": "a"}],
        "repair": [
            {"name": "r", "scorer": "not-installed"},
            {"name": "magnitude", "scorer": "magnitude"},
        ],
    }
    grid = grid_of(document, None)
    assert missing(grid.repairs) == {"r": "no scorer named 'not-installed'"}
