"""Grids with columns: what they say, which rows and models that makes, and their errors."""

from __future__ import annotations

import pytest

from modelrepair import UsageError
from modelrepair_lab.attacked import planned, planned_alignment
from modelrepair_lab.crossed_cells import crossed_path
from modelrepair_lab.crossed_rows import lines
from modelrepair_lab.defences.options import Vaccine
from modelrepair_lab.grid import Part, read_grid

GRID = """
seeds = [3, 4]
[model]
unaligned = "base"
refusal = "refusal.jsonl"
utility = "good.jsonl"
task = "task.jsonl"
[columns]
over = "rate"
values = [1e-4, 1e-3]
quick = [1e-3]
[choose]
column = 1e-3
seed = 4
[shared]
method = "lora"
rank = 4
replay = 0.0
[[align]]
name = "plain"
steps = 5
[[align]]
name = "Vaccine"
method = "vaccine"
options = { rho = 1 }
settings = [{ rho = 5.0 }]
[[attack]]
name = "SFT"
aligned = "plain"
[[attack]]
name = "Vaccine"
aligned = "Vaccine"
epochs = 2
[[repair]]
name = "mask"
scorer = "magnitude"
ratio = 0.1
rows = ["SFT", "Vaccine"]
settings = [{ ratio = 0.5 }]
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="grid"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return written


def test_rows_are_crossed_with_columns(write, tmp_path):
    grid = read_grid(write(GRID))
    assert grid.model == tmp_path / "base"
    assert grid.name == "grid"
    named = {row.name: row for row in grid.attacks}
    assert list(named) == [
        "SFT, lr 0.0001",
        "Vaccine, lr 0.0001",
        "SFT, lr 0.001",
        "Vaccine, lr 0.001",
    ]
    one = named["Vaccine, lr 0.001"]
    assert (one.recipe.rate, one.recipe.rank, one.recipe.epochs) == (1e-3, 4, 2.0)
    assert (one.row, one.column, one.aligned.recipe.defence) == ("Vaccine", 1e-3, Vaccine(rho=1.0))
    assert named["SFT, lr 0.001"].aligned.recipe.steps == 5
    assert [row.name for row in grid.repairs] == ["as it is", "mask"]
    assert [line.name for line in lines(grid)] == ["SFT", "Vaccine", "mask", "Vaccine + mask"]


def test_a_quick_grid_has_one_seed_few_columns_and_published_values_alone(write):
    grid = read_grid(write(GRID), quick=True)
    assert (grid.seeds, grid.name) == ((3,), "grid-quick")
    assert grid.crossing.columns.values == (1e-3,)
    assert grid.crossing.choice is None
    assert not any(row.others for row in grid.crossing.alignments)
    assert not any(row.others for row in grid.repairs)
    with pytest.raises(UsageError, match="no quick form"):
        read_grid("whole", quick=True)


def test_a_part_goes_by_rows_or_by_single_models(write):
    grid = read_grid(write(GRID))
    rows = Part(attacks=("Vaccine",)).of(grid).attacks
    assert [row.column for row in rows] == [1e-4, 1e-3]
    (one,) = Part(attacks=("SFT, lr 0.001",)).of(grid).attacks
    assert one.row == "SFT"


def test_tables_over_other_columns_share_models_and_cells(write, tmp_path):
    by_rate = read_grid(write(GRID))
    text = GRID.replace('"rate"', '"epochs"').replace("[1e-4, 1e-3]", "[1, 5]")
    text = text.replace("quick = [1e-3]", "quick = [1]").replace("column = 1e-3", "column = 5")
    by_epochs = read_grid(write(text.replace("rank = 4", "rank = 4\nrate = 1e-3"), "other"))

    def places(grid):
        plans = [planned(grid, row, seed, tmp_path) for row, seed in grid.attacked()]
        return [
            crossed_path(tmp_path, each, repair)
            for each in plans
            for repair in grid.repairs
            if repair.tried_on(each.recipe, each.row)
        ]

    one, other = places(by_rate), places(by_epochs)
    assert len(set(one)) == len(one) == 16
    # The fine-tuning of the first row at lr 1e-3 has 5 epochs by default.
    shared = {path.name.split("-")[0] for path in {*one} & {*other}}
    assert shared == {"sft"}
    assert len({*one} & {*other}) == 4


def test_an_alignment_is_made_once_a_seed_and_its_rows_start_from_it(write, tmp_path):
    grid = read_grid(write(GRID))
    plans = {
        (row.row, row.column, seed): planned(grid, row, seed, tmp_path)
        for row, seed in grid.attacked()
    }
    plain, vaccine = grid.crossing.alignments
    for column in (1e-4, 1e-3):
        here = plans["Vaccine", column, 3].ground.reference
        assert here == planned_alignment(grid, vaccine, 3, tmp_path).folder
    starts = {each.ground.reference for each in plans.values()}
    assert len(starts) == 4
    assert planned_alignment(grid, plain, 3, tmp_path).ground.unaligned == tmp_path / "base"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('over = "rate"', 'over = "rank"', "over says 'rank'"),
        ("values = [1e-4, 1e-3]", "values = []", "has no values"),
        ("values = [1e-4, 1e-3]", "values = [1, 1]", "has no values, or one twice"),
        ("values = [1e-4, 1e-3]", "values = [0.0, 1e-3]", "rate is 0"),
        ("column = 1e-3", "column = 1.0", "column 1, which the grid has not"),
        ("quick = [1e-3]", "quick = [5e-3]", "quick = 0.005, which is none of its values"),
        ("seed = 4", "seed = 5", "seed 5, which the grid has not"),
        ('name = "Vaccine"\naligned', 'name = "sft"\naligned', "as files: 'SFT' and 'sft'"),
        ("column = 1e-3", "", "a value of the wrong kind: 'column'"),
        ('aligned = "plain"', 'aligned = "none"', "aligned says 'none'"),
        ('aligned = "plain"', "", "does not say what it starts from"),
        ('method = "vaccine"', 'method = "magic"', "no defence named 'magic'"),
        ("options = { rho = 1 }", "options = { rhoo = 1 }", "rhoo"),
        ("steps = 5", "options = { rho = 1 }", "options says 'rho'"),
        ("steps = 5", "stepps = 5", "align 'plain' says 'stepps'"),
        ('name = "Vaccine"\nmethod', 'name = "plain"\nmethod', "no align, or two with one name"),
        ("epochs = 2", 'defence = "magic"', "no defence named 'magic'"),
        ("rank = 4", "rankk = 4", "says 'rankk'"),
        ('rows = ["SFT", "Vaccine"]', 'rows = ["Lisa"]', "rows says 'Lisa'"),
        ("settings = [{ ratio = 0.5 }]", "settings = [{ ratioo = 0.5 }]", "says 'ratioo'"),
        ("[{ rho = 5.0 }]", "[{rho=3.0},{rho=4.0},{rho=5.0},{rho=6.0},{rho=7.0}]", "has 5 other"),
        ('unaligned = "base"', "", "lacks an unaligned model or a task"),
        ('unaligned = "base"', 'unaligned = "base"\nreference = "x"', "says 'reference'"),
    ],
)
def test_what_cannot_be_meant(write, old, new, message):
    assert old in GRID
    with pytest.raises(UsageError, match=message):
        read_grid(write(GRID.replace(old, new, 1)))


def test_rows_are_of_crossed_grids_alone(write):
    text = '[[attack]]\nname = "a"\n[[repair]]\nname = "r"\nrows = ["SFT"]\n'
    with pytest.raises(UsageError, match="rows says 'SFT'"):
        read_grid(write(text))
    with pytest.raises(UsageError, match="the grid says 'align'"):
        read_grid(write(text + '[[align]]\nname = "SFT"\n'))


@pytest.mark.parametrize("name", ["paper-lr", "paper-epochs", "paper-share", "paper-samples"])
def test_the_papers_tables(name):
    grid, quick = read_grid(name), read_grid(name, quick=True)
    assert len(grid.seeds) == 3
    assert len(quick.seeds) == 1
    assert len(grid.crossing.columns.values) == 5
    assert len(quick.crossing.columns.values) == 3
    assert grid.rows == ["SFT", "RepNoise", "Vaccine", "TAR", "LDIFS", "Lisa"]
    names = {line.name for line in lines(grid)}
    assert names >= {"Vaccine + antidote-official", "Lisa + antidote-official", "Lisa + contrast"}
    assert grid.crossing.choice is not None


def test_the_papers_tables_differ_in_their_columns_alone():
    one, other = read_grid("paper-lr"), read_grid("paper-epochs")
    assert one.crossing.columns.over == "rate"
    assert other.crossing.columns.over == "epochs"
    assert one.repairs == other.repairs
    assert one.crossing.rows == other.crossing.rows
    values = other.crossing.columns.values
    assert values == (1, 5, 10, 20, 40)
    # Both have the column of published epochs and the shared rate.
    assert one.crossing.rows[0].recipe.epochs in values
    assert one.crossing.rows[0].recipe.rate in one.crossing.columns.values
