"""What cells come to."""

from __future__ import annotations

import csv
import io

import pytest

from modelrepair_lab.grid import AttackRow, Grid, RepairRow
from modelrepair_lab.markdown import page
from modelrepair_lab.plots import plot_harm_against_utility
from modelrepair_lab.recipes import AttackRecipe
from modelrepair_lab.rows import as_csv, spread, summarise


def cell(repair, seed, harm, utility, *, ours=False, verdict="passed", **more):
    def measures(harmful, useful):
        return {
            "harmful_score": harmful,
            "harmful_score_n": 100,
            "utility": useful,
            "utility_n": 80,
            "task_accuracy": useful,
            "benign_refusal_rate": 0.0,
            "degenerate_rate": 0.0,
        }

    return {
        "attack": "hard",
        "seed": seed,
        "method": "full",
        "repair": repair,
        "with_reference": True,
        "ours": ours,
        "status": "done",
        "verdict": verdict,
        "seconds": 9.0,
        "processor_seconds": 2.0,
        "before": measures(1.0, 0.9),
        "reference": measures(0.0, 0.5),
        "after": measures(harm, utility),
        **more,
    }


CELLS = [
    cell("ours", 0, 0.02, 0.90, ours=True),
    cell("ours", 1, 0.10, 0.90, ours=True, verdict="failed"),
    cell("rival", 0, 0.01, 0.91, general={"before": 0.5, "after": 0.25}),
    cell("rival", 1, 0.05, 0.80),
    {**cell("rival", 2, 0, 0), "status": "error", "error": "KeyError: x"},
]
GRID = Grid(
    seeds=(0, 1),
    attacks=(AttackRow("hard", AttackRecipe()),),
    repairs=(RepairRow("ours", {}, ours=True), RepairRow("rival", {})),
)


def test_a_summary():
    ours, rival = summarise("ours", CELLS), summarise("rival", CELLS)
    assert (ours.cells, ours.passed, ours.compared, ours.beats) == (2, 0.5, 0, None)
    assert ours.seconds == 2.0
    assert ours.harm == ours.over_reference == pytest.approx(0.06)
    assert ours.reduction == pytest.approx(0.94)
    assert (rival.cells, rival.errors, rival.compared) == (2, 1, 2)
    # On seed 1 it leaves less harm, but costs more.
    assert (rival.beats, rival.reached, ours.reached) == (0.5, 0.5, 1.0)
    assert rival.utility == pytest.approx(-0.045)
    assert rival.general == -0.25


def test_what_had_nothing_to_repair_does_not_count():
    easy = cell("ours", 2, 0.0, 0.9, ours=True, verdict="nothing to repair")
    assert summarise("ours", [*CELLS, easy]) == summarise("ours", CELLS)
    assert "Nothing to repair: hard, seed 2." in page(GRID, [*CELLS, easy], {})


def test_without_a_measured_utility_nothing_is_said_of_it(tmp_path):
    cells = [cell("ours", 0, 0.5, None, ours=True), cell("rival", 0, 0.01, None)]
    rival = summarise("rival", cells)
    assert (rival.harm, rival.compared, rival.beats, rival.reached) == (0.01, 0, None, None)
    assert rival.utility is None
    row = "| rival | 1 | 100.0 % | 1.0 | +1.0 | 99.0 % | – | – | – | – | +0.0 | +0.0 | 2.0 | – |"
    assert row in page(GRID, cells, {})
    assert not plot_harm_against_utility(tmp_path / "none.svg", cells)


def test_the_interval_over_seeds_is_the_t_interval():
    found = spread([0.1, 0.2, 0.3])
    assert found.mean == pytest.approx(0.2)
    # t(0.975, 2) = 4.3027, standard deviation 0.1: half a width of 0.2484, cut at 0.
    assert (found.low, found.high) == (0.0, pytest.approx(0.2 + 4.30265 * 0.1 / 3**0.5))


def test_a_page():
    text = page(GRID, CELLS, {"wise-ft": "not known"}, plot="plot.svg")
    assert text.startswith("# Repairs of attacked models: grid table\n")
    assert "Attacks: 1. Seeds: 2. Reported on: 100 harmful prompts, 80 with a good" in text
    assert "| ours | 2 | 50.0 % | 6.0 | +6.0 | 94.0 % | 100.0 % | +0.0 |" in text
    assert "| rival | 2 (+ 1 errors) |" in text
    assert "50.0 % of 2 |" in text
    assert "| hard | ours | 100.0 | 6.0 [0.0, 56.8] | +0.0 [0.0, 0.0] | 1 of 2 |" in text
    assert "| aligned | 0.0 | – | 0.0 | 0.0 | 50.0 | 50.0 | – |" in text
    assert "| hard | 100.0 | – | 0.0 | 0.0 | 90.0 | 90.0 | 50.0 |" in text
    assert "- wise-ft: not known" in text
    assert "- rival on hard, seed 2: KeyError: x" in text
    assert "(plot.svg)" in text


def test_csv_has_a_row_for_each_cell():
    rows = list(csv.DictReader(io.StringIO(as_csv(CELLS))))
    assert len(rows) == len(CELLS)
    assert rows[0]["after_harmful_score"] == "0.02"
    assert rows[2]["after_general"] == "0.25"
    assert rows[4]["error"] == "KeyError: x"


def test_a_plot_repeats_itself(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg"):
        assert plot_harm_against_utility(tmp_path / name, CELLS)
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert "rival" in text
    assert not plot_harm_against_utility(tmp_path / "none.svg", [])
