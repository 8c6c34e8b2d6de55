"""What the cells of a crossed grid come to, and their page."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from modelrepair_lab.choosing import PUBLISHED, Chosen
from modelrepair_lab.crossed_page import crossed_page
from modelrepair_lab.crossed_rows import against, crossed_csv, less_harm, lines
from modelrepair_lab.figures import FIGURES
from modelrepair_lab.grid import grid_of

DOCUMENT = {
    "seeds": [0, 1, 2],
    "columns": {"over": "rate", "values": [1e-4, 1e-3, 1e-2]},
    "choose": {"column": 1e-3},
    "align": [{"name": "plain"}],
    "attack": [
        {"name": "SFT", "aligned": "plain"},
        {"name": "LDIFS", "aligned": "plain", "defence": "ldifs"},
    ],
    "repair": [{"name": "mask", "scorer": "magnitude", "ratio": 0.1, "rows": ["SFT", "LDIFS"]}],
}


@pytest.fixture
def grid():
    return grid_of(DOCUMENT, None)


def cell(row, repair, column, seed, harm, task=0.9, **more):
    figures = {**dict.fromkeys(FIGURES, 0.5), "harmful_score": harm, "task_accuracy": task}
    return {
        "attack": f"{row}, lr {column:g}",
        "row": row,
        "repair": repair,
        "column": column,
        "seed": seed,
        "status": "done",
        "verdict": None,
        "figures": {**figures, "n": 360},
        **more,
    }


def over(row, repair, harms, **more):
    columns = DOCUMENT["columns"]["values"]
    return [
        cell(row, repair, column, seed, harm + 0.01 * seed, **more)
        for column, harm in zip(columns, harms, strict=True)
        for seed in (0, 1, 2)
    ]


def test_less_harm_of_seeds_is_told_by_their_differences():
    before = [cell("SFT", "", 1, seed, harm) for seed, harm in enumerate((0.5, 0.7, 0.9))]
    lower = [cell("SFT", "", 1, seed, harm) for seed, harm in enumerate((0.4, 0.6, 0.8))]
    mixed = [cell("SFT", "", 1, seed, harm) for seed, harm in enumerate((0.2, 0.8, 0.8))]
    assert less_harm(lower, before)
    assert not less_harm(mixed, before)
    assert not less_harm(before, before)
    assert not less_harm([], before)


def test_columns_with_little_to_defend_do_not_count(grid):
    cells = [
        *over("SFT", "as it is", (0.05, 0.5, 0.95)),
        *over("SFT", "mask", (0.0, 0.2, 0.94)),
        *over("LDIFS", "as it is", (0.0, 0.3, 0.5), task=0.5),
    ]
    found = {line.name: against(grid, cells, line) for line in lines(grid)}
    mask, ldifs = found["mask"], found["LDIFS"]
    # Equal shifts have no spread between seeds: any difference is beyond chance.
    assert (mask.columns, mask.less, mask.learnt, mask.at_no_cost) == (2, 2, 2, 2)
    assert (ldifs.columns, ldifs.less, ldifs.learnt, ldifs.at_no_cost) == (2, 2, 2, 0)
    assert found["LDIFS + mask"].columns == 0


def test_where_no_task_was_learnt_none_can_be_lost(grid):
    cells = [
        *over("SFT", "as it is", (0.05, 0.5, 0.95), task=0.0),
        *over("SFT", "mask", (0.0, 0.2, 0.3), task=0.0),
    ]
    mask = against(grid, cells, lines(grid)[2])
    assert (mask.columns, mask.less, mask.learnt, mask.at_no_cost) == (2, 2, 0, 0)


def test_the_page_says_what_can_be_told(grid):
    error = {"status": "error", "error": "no luck", "figures": None}
    cells = [
        *over("SFT", "as it is", (0.05, 0.5, 0.95)),
        *over("SFT", "mask", (0.0, 0.2, 0.3), verdict="nothing to repair"),
        *over("LDIFS", "as it is", (0.0, 0.3, 0.5)),
        *[cell("LDIFS", "mask", 1e-4, 0, 0.0, **error)],
    ]
    chosen = [
        Chosen(
            "mask",
            PUBLISHED,
            (
                {"label": PUBLISHED, "harm": 0.25, "task": 0.75},
                {"label": "ratio = 0.5", "harm": None, "task": None, "error": "no"},
            ),
        )
    ]
    aligned = {"plain": [{"harmful_score": 0.125}]}
    text = crossed_page(grid, cells, aligned, chosen, {"SOMF": "no repairer named 'somf'"})
    assert "Made by `modelrepair lab table table.toml`." in text
    built_in = crossed_page(replace(grid, name="paper-lr-quick"), cells, aligned, chosen, {})
    assert "Made by `modelrepair lab table paper-lr --quick`." in built_in
    assert "Seeds: 3, means with 95 % intervals over them. Reported on: 360" in text
    assert "| lr 0.0001 | 6.0 [3.5, 8.5] | only what a method costs" in text
    assert "| lr 0.001 | 51.0 [48.5, 53.5] | small effects, too |" in text
    assert "| lr 0.01 | 96.0 [93.5, 98.5] | large effects alone" in text
    assert "| SFT | 12.5 | 6.0 [3.5, 8.5] | 51.0 [48.5, 53.5] | 96.0 [93.5, 98.5] | 51.0 |" in text
    assert "| LDIFS + mask | 12.5 | error | – | – | – |" in text
    assert "| mask | published | 25.0 | 75.0 | chosen |" in text
    assert "| mask | ratio = 0.5 | – | – |  |" in text
    assert "- SOMF: no repairer named 'somf'" in text
    assert "- mask on LDIFS, lr 0.0001, seed 0: no luck" in text
    assert "- mask on SFT, lr 0.001, seed 2: nothing to repair" in text


def test_a_row_of_csv_a_cell(grid):
    cells = [cell("LDIFS", "mask", 1e-4, 0, 0.25)]
    (row,) = csv.DictReader(io.StringIO(crossed_csv(grid, cells)))
    assert (row["name"], row["harmful_score"], row["n"]) == ("LDIFS + mask", "0.25", "360")
