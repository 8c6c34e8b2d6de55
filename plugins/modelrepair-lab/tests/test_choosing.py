"""The setting of a method: how the best is told, and what rows it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair import Progress
from modelrepair import demo_paths as paths
from modelrepair.examples.load import load_set
from modelrepair.examples.splits import split_sets
from modelrepair_lab import choosing, runner
from modelrepair_lab.choosing import (
    PUBLISHED,
    Chosen,
    best,
    candidates_of,
    methods,
    with_chosen,
)
from modelrepair_lab.crossed_rows import lines
from modelrepair_lab.grid import Part, grid_of
from modelrepair_lab.select_parts import select_sets

DOCUMENT = {
    "seeds": [0, 1],
    "columns": {"over": "epochs", "values": [1, 5]},
    "choose": {"column": 5, "seed": 1},
    "align": [
        {"name": "SFT"},
        {"name": "Vaccine", "method": "vaccine", "settings": [{"rho": 0.5}, {"rho": 9.0}]},
    ],
    "attack": [{"name": "SFT", "aligned": "SFT"}, {"name": "Vaccine", "aligned": "Vaccine"}],
    "repair": [
        {
            "name": "mask",
            "scorer": "magnitude",
            "ratio": 0.1,
            "rows": ["SFT", "Vaccine"],
            "settings": [{"ratio": 0.5}],
        },
        {"name": "other", "scorer": "wanda"},
    ],
}


@pytest.fixture
def grid(tmp_path):
    return grid_of(DOCUMENT, tmp_path)


def tried(label, harm, task):
    return {"label": label, "harm": harm, "task": task}


def test_the_least_harm_wins_among_those_that_keep_the_task():
    undefended = tried("", 0.9, 0.8)
    published, soft, hard = (
        tried(PUBLISHED, 0.5, 0.8),
        tried("soft", 0.3, 0.76),
        tried("hard", 0.0, 0.2),
    )
    assert best([published, soft, hard], undefended, 0.05) == "soft"
    assert best([published, soft, hard], undefended, 0.03) == PUBLISHED
    assert best([published, soft, hard], undefended, 1.0) == "hard"
    # Ties, errors, and nothing that qualifies: the published one.
    assert best([published, tried("same", 0.5, 0.9)], undefended, 0.05) == PUBLISHED
    assert best([published, tried("broken", None, None)], undefended, 0.05) == PUBLISHED
    assert best([tried(PUBLISHED, 0.5, 0.1), hard], undefended, 0.05) == PUBLISHED


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5),
    st.floats(0, 1),
    st.floats(0, 0.5),
)
def test_no_setting_that_qualifies_is_better_than_the_chosen_one(figures, task, within):
    labels = [PUBLISHED, "a", "b", "c", "d"]
    settings = [tried(label, *some) for label, some in zip(labels, figures, strict=False)]
    chosen = best(settings, tried("", 1.0, task), within)
    fit = [each for each in settings if each["task"] >= task - within]
    (one,) = (each for each in settings if each["label"] == chosen)
    assert one in fit or (not fit and chosen == PUBLISHED)
    assert all(one["harm"] <= each["harm"] for each in fit)


def test_methods_are_rows_and_repairs_with_other_settings(grid):
    assert methods(grid) == ["Vaccine", "mask"]
    assert methods(Part(attacks=("SFT",)).of(grid)) == ["mask"]
    plain = {key: value for key, value in DOCUMENT.items() if key != "choose"}
    assert methods(grid_of(plain, None)) == []


def test_candidates_are_at_the_column_of_the_choice(grid):
    rows = list(candidates_of(grid, "Vaccine"))
    assert [each.label for each in rows] == [PUBLISHED, "rho = 0.5", "rho = 9"]
    assert [each.attack.aligned.recipe.defence.rho for each in rows] == [2.0, 0.5, 9.0]
    assert {each.attack.recipe.epochs for each in rows} == {5.0}
    masks = list(candidates_of(grid, "mask"))
    assert [each.repair.arguments["ratio"] for each in masks] == [0.1, 0.5]
    assert {each.attack.row for each in masks} == {"SFT"}


def test_a_chosen_setting_is_one_more_row(grid):
    chosen = [Chosen("Vaccine", "rho = 9", ()), Chosen("mask", "ratio = 0.5", ())]
    more = with_chosen(grid, chosen)
    names = [line.name for line in lines(more)]
    assert names[:3] == ["SFT", "Vaccine", "Vaccine, rho = 9"]
    assert [row.column for row in more.attacks if row.row == "Vaccine, rho = 9"] == [1, 5]
    assert "mask, ratio = 0.5" in names
    # Combinations are of published values.
    assert "Vaccine + mask, ratio = 0.5" not in names
    assert with_chosen(grid, [Chosen("Vaccine", PUBLISHED, ())]) == grid


def test_the_model_of_a_candidate_is_that_of_its_row(grid, tmp_path):
    from modelrepair_lab.attacked import planned

    more = with_chosen(grid, [Chosen("Vaccine", "rho = 9", ())])
    (row,) = (each for each in more.attacks if (each.row, each.column) == ("Vaccine, rho = 9", 5))
    candidate = list(candidates_of(grid, "Vaccine"))[-1]
    assert planned(more, row, 1, tmp_path) == planned(grid, candidate.attack, 1, tmp_path)


def test_the_world_of_the_choice_is_made_where_other_seeds_run(grid, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(runner, "make_ground", lambda grid, seed, *_: made.append(seed))
    monkeypatch.setattr(runner, "_make_alignment", lambda task, progress: None)
    monkeypatch.setattr(runner, "make_candidate", lambda *_: None)
    monkeypatch.setattr(runner, "_choose", lambda task, progress: Chosen(task[1], PUBLISHED, ()))
    found = runner.choose_all(Part(seeds=(0,)).of(grid), runner.Running(tmp_path), Progress())
    assert [each.method for each in found] == ["Vaccine", "mask"]
    assert made == [0, 1]


def test_a_part_makes_the_alignments_that_it_starts_from_alone(grid, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(runner, "make_ground", lambda *_: None)
    monkeypatch.setattr(
        runner, "_make_alignment", lambda task, progress: made.append((task[1].name, task[2]))
    )
    runner.make_starts(Part(attacks=("SFT",)).of(grid), runner.Running(tmp_path), Progress())
    assert made == [("SFT", 0), ("SFT", 1)]
    chosen = with_chosen(grid, [Chosen("Vaccine", "rho = 9", ())])
    made.clear()
    runner.make_starts(Part(seeds=(1,)).of(chosen), runner.Running(tmp_path), Progress())
    assert made == [("SFT", 1), ("Vaccine", 1), ("Vaccine, rho = 9", 1)]


def test_a_choice_is_kept_and_made_again_where_an_error_is_tried_again(grid, tmp_path, monkeypatch):
    tries = []

    def one(grid, candidate, seed, out, progress):
        tries.append(candidate.label)
        failed = candidate.label == "rho = 9" and len(tries) < 5
        return tried(candidate.label, None, None) | {"error": "no memory"} if failed else (
            tried(candidate.label, 0.0 if candidate.label == "rho = 9" else 0.5, 0.9)
        )  # fmt: skip

    monkeypatch.setattr(choosing, "_try", one)
    monkeypatch.setattr(choosing, "_record", lambda grid, method, out: (out / "v.json", "d"))
    chosen = choosing.choose(grid, "Vaccine", tmp_path, Progress())
    assert (chosen.label, len(tries)) == (PUBLISHED, 4)
    assert choosing.choose(grid, "Vaccine", tmp_path, Progress()) == chosen
    assert len(tries) == 4
    again = choosing.choose(grid, "Vaccine", tmp_path, Progress(), retry=True)
    assert (again.label, len(tries)) == ("rho = 9", 8)
    choosing.choose(grid, "Vaccine", tmp_path, Progress(), retry=True)
    assert len(tries) == 8


def test_the_select_part_is_that_of_a_repair(tmp_path):
    sets = {name: path for name, path in paths.sets.items() if path.exists()}
    found = select_sets(sets, tmp_path)
    assert set(found) == {"realign", "refusal", "utility", "borderline"}
    roles = ("realign", "refusal", "utility", "borderline")
    given_sets = {name: load_set(sets[name], name.removeprefix("test_")) for name in sets}
    splits = split_sets(**given_sets)
    for role in roles:
        written = {each.digest for each in load_set(found[role], role).examples}
        # A kind is no part of what is asked, and not written.
        wanted = {(each.key, each.response, each.exact) for each in splits[role].select}
        read = {(e.key, e.response, e.exact) for e in load_set(found[role], role).examples}
        assert read == wanted
        assert len(written) == len(wanted) > 0
