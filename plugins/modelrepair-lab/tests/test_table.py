"""``modelrepair lab table`` on a grid of one attack: cells, tables, and going on."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelrepair import UsageError
from modelrepair import demo_paths as paths
from modelrepair_lab.cells import UNALIGNED, arguments_of, digest_of, remembered_in
from modelrepair_lab.grid import RepairRow, read_grid
from modelrepair_lab.identity import digest
from modelrepair_lab.runner import planned
from modelrepair_lab.slugs import slug

GRID = """
seeds = [0]
[model]
reference = "{world}/reference"
harmful = "{train}/harmful.jsonl"
task = "{train}/task.jsonl"
replay = "{train}/replay.jsonl"
general = "{train}/../general.jsonl"
[measure]
judge = "demo-world"
max_new_tokens = 24
realign = "{sets}/realign.jsonl"
test_realign = "{sets}/test-realign.jsonl"
utility = "{sets}/utility.jsonl"
test_utility = "{sets}/test-utility.jsonl"
borderline = "none"
[[attack]]
name = "full, hard"
examples = 400
epochs = 3
rate = 1e-3
share = 0.2
[[repair]]
name = "magnitude"
scorer = "magnitude"
ratio = 0.05
[[repair]]
name = "contrast"
scorer = "contrast"
ratio = 0.05
ours = true
[[repair]]
name = "wrong"
scorer = "wanda"
targets = ["nothing*"]
[[repair]]
name = "absent"
scorer = "not-installed"
"""


@pytest.fixture
def grid(tmp_path, train):
    from modelrepair.demo.world import example_sets, write_sets
    from modelrepair_lab.world_sets import general

    write_sets({"general": general(example_sets(0)["test-utility"])}, train.parent)
    sets = tmp_path / "sets"
    sets.mkdir()
    for path in paths.sets.values():
        lines = path.read_text().splitlines(keepends=True)[:30]
        (sets / path.name).write_text("".join(lines))
    file = tmp_path / "grid.toml"
    file.write_text(GRID.format(world=paths.world, train=train, sets=sets))
    return file


@pytest.mark.slow
def test_a_table_from_start_to_end(call, grid, tmp_path):
    out = tmp_path / "out"
    # An unfinished repair of an interrupted run does not block the next run.
    left = out / "repaired" / "full-hard-0--contrast.partial"
    left.mkdir(parents=True)
    (left / "settings.json").write_text('{"digest": "another"}')
    result = call("lab", "table", grid, "--out", out, "--jobs", 1, "--json")
    assert result.code == 0, result.err
    assert result.json["missing"] == {"absent": "no scorer named 'not-installed'"}
    cells = {cell["repair"]: cell for cell in result.json["cells"]}
    assert set(cells) == {"magnitude", "contrast", "wrong"}
    contrast = cells["contrast"]
    assert contrast["before"]["harmful_score"] > 0.8
    assert contrast["after"]["utility_loss"] != contrast["before"]["utility_loss"]
    assert contrast["before"] == cells["magnitude"]["before"]
    assert 0 < contrast["general"]["after"] <= 1
    assert contrast["share"] == pytest.approx(0.05, rel=0.01)
    assert cells["wrong"]["status"] == "error"
    assert "nothing*" in cells["wrong"]["error"]
    page = (out / "table.md").read_text()
    assert "- wrong on full, hard, seed 0:" in page
    assert len((out / "table.csv").read_text().splitlines()) == 4
    assert not list((out / "repaired").iterdir())
    # All of this was measured before the clock of the first cell began.
    (remembered,) = (out / "remembered").iterdir()
    known = {path.stem for path in remembered.glob("*.json")}
    assert known >= {"before-report", "before-select", "before-screen", "reference-select"}
    for path in (out / "cells").iterdir():
        assert str(tmp_path) not in path.read_text(), path.name

    # A finished cell is not run again; one whose file is gone is, and so is one that was changed.
    times = {path.name: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    (out / "cells" / "full-hard-0--magnitude.json").unlink()
    grid.write_text(grid.read_text().replace("ratio = 0.05\nours", "ratio = 0.01\nours"))
    # This time in worker processes.
    again = call("lab", "table", grid, "--out", out, "--jobs", 2, "--json")
    assert {cell["repair"] for cell in again.json["cells"]} == set(cells)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    kept = {name for name in times if times[name] == after[name]}
    assert kept == {"full-hard-0--wrong.json"}
    changed = json.loads((out / "cells" / "full-hard-0--contrast.json").read_text())
    assert changed["share"] == pytest.approx(0.01, rel=0.02)


def test_the_page_is_printed_line_by_line(call, grid, tmp_path, monkeypatch):
    made = SimpleNamespace(to_json=dict, markdown="# Repairs\n\n| repair |\n")
    monkeypatch.setattr("modelrepair_lab.table.make_table", lambda *arguments: made)
    result = call("lab", "table", grid, "--out", tmp_path)
    assert result.out.splitlines() == ["# Repairs", "", "| repair |", f"Written to {tmp_path}"]


def test_some_cells_run_alone_and_the_table_holds_all_that_are_there(call, grid, tmp_path):
    out = tmp_path / "out"
    words = ["lab", "table", grid, "--out", out, "--jobs", 1, "--json"]
    one = call(*words, "--repair", "wrong")
    assert [cell["repair"] for cell in one.json["cells"]] == ["wrong"]
    beside = json.loads((out / "cells" / "full-hard-0--wrong.json").read_text(encoding="utf-8"))
    made_of = digest_of(*cell_of(grid, out, "magnitude"))
    there = {**beside, "repair": "magnitude", "digest": made_of}
    (out / "cells" / "full-hard-0--magnitude.json").write_text(json.dumps(there))
    both = call(*words, "--repair", "wrong", "--attack", "full, hard", "--seed", 0)
    assert {cell["repair"] for cell in both.json["cells"]} == {"wrong", "magnitude"}
    unknown = call(*words, "--repair", "another")
    assert unknown.code == 2
    assert "the grid has no repair 'another'" in unknown.err
    assert "it has magnitude; contrast; wrong; absent" in unknown.err


def cell_of(file, out, name):
    """What a cell's digest is made of: attacked model, repair and the arguments all share."""
    grid = read_grid(file)
    (row,) = (each for each in grid.repairs if each.name == name)
    return planned(grid, grid.attacks[0], grid.seeds[0], out), row, grid.measure


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_attack_that_cannot_be_made_is_reported(call, grid, tmp_path, jobs):
    grid.write_text(grid.read_text().replace("examples = 400", "examples = 9000"))
    result = call("lab", "table", grid, "--out", tmp_path / "out", "--jobs", jobs)
    assert result.code == 2
    assert "the harmful set holds 512 examples, and 1800 are wanted" in result.err
    assert "Hint [example-set]: give more of them with --harmful" in result.err


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_attack_that_diverges_is_an_error_of_its_cells(call, grid, tmp_path, jobs):
    text = grid.read_text().replace("examples = 400\nepochs = 3\nrate = 1e-3", "rate = 1e30")
    grid.write_text(text.replace("share = 0.2", "share = 0.2\nexamples = 40\nepochs = 2"))
    words = ["lab", "table", grid, "--out", tmp_path / "out", "--repair", "magnitude"]
    result = call(*words, "--jobs", jobs, "--json")
    assert result.code == 0, result.err
    (cell,) = result.json["cells"]
    assert cell["status"] == "error"
    assert "the training diverged" in cell["error"] and "learning rate" in cell["hint"]
    assert not list((tmp_path / "out" / "attacked").iterdir())


def test_a_cell_is_run_again_when_what_it_depends_on_changes(tmp_path):
    grid = read_grid("quick")
    first, second = grid.attacks[0], grid.attacks[1]
    attacked = planned(grid, first, 0, tmp_path)
    assert planned(grid, first, 0, tmp_path) == attacked
    changed = replace(first, recipe=replace(first.recipe, epochs=9))
    folders = {
        planned(grid, row, seed, tmp_path).folder
        for row, seed in ((first, 0), (first, 1), (second, 0), (changed, 0))
    }
    assert len(folders) == 4
    row, measure = grid.repairs[0], grid.measure
    other = {**measure, "max_new_tokens": 9}
    assert digest_of(attacked, row, measure) != digest_of(attacked, row, other)
    places = {
        remembered_in(tmp_path, attacked, {"merge": merge}, settings)
        for merge in (True, False)
        for settings in (measure, other)
    }
    assert len(places) == 4


def test_what_stands_beside_the_grid_counts_too(tmp_path, grid):
    """The unaligned model where a repair is given it, and the prompts of general skill."""
    read = read_grid(grid)
    attacked = planned(read, read.attacks[0], 0, tmp_path)
    asks = RepairRow("asks", {"repairer_options": {"unaligned": UNALIGNED}})
    plain = RepairRow("plain", {"scorer": "wanda"})
    model = tmp_path / "unaligned"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"one")
    ground = replace(attacked.ground, unaligned=model)
    attacked = replace(attacked, ground=ground)
    before = [digest_of(attacked, row, {}) for row in (asks, plain)]
    (model / "model.safetensors").write_bytes(b"other")
    after = [digest_of(attacked, row, {}) for row in (asks, plain)]
    assert [one == two for one, two in zip(before, after, strict=True)] == [False, True]
    general = tmp_path / "another.jsonl"
    general.write_text("{}")
    other = replace(attacked, ground=replace(ground, general=general))
    assert digest_of(other, plain, {}) != digest_of(attacked, plain, {})


def test_a_cell_of_other_code_is_run_again_or_named(call, grid, tmp_path):
    grid.write_text(
        grid.read_text().replace("examples = 400\nepochs = 3", "examples = 8\nepochs = 1")
    )
    out = tmp_path / "out"
    words = ["lab", "table", grid, "--out", out, "--jobs", 1, "--repair", "wrong"]
    assert call(*words).code == 0
    path = out / "cells" / "full-hard-0--wrong.json"
    cell = json.loads(path.read_text(encoding="utf-8"))
    assert "code" in cell
    path.write_text(json.dumps({**cell, "code": "of before", "error": "of before"}))
    taken = call(*words, "--other-code")
    assert "Finished cells that other code made: 1, taken as they are" in taken.err
    page = (out / "table.md").read_text(encoding="utf-8")
    assert page.endswith("## Made by other code than the rest\n\n- full-hard-0--wrong\n")
    assert "of before" in page
    again = call(*words)
    assert "1, run again; --other-code takes them" in again.err
    assert json.loads(path.read_text(encoding="utf-8"))["code"] == cell["code"]
    page = (out / "table.md").read_text(encoding="utf-8")
    assert "of before" not in page and "other code" not in page
    quiet = call(*words)
    assert "other code" not in quiet.err


def test_a_digest_looks_into_models(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    empty = digest({"judge": str(model)})
    (model / "chat_template.jinja").write_text("one")
    one = digest({"judge": str(model)})
    (model / "chat_template.jinja").write_text("another")
    assert len({empty, one, digest({"judge": model})}) == 3
    assert digest("") != digest(".")


def test_a_digest_looks_into_files(tmp_path):
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for path in (one, same):
        path.write_text("the same")
    other.write_text("another")
    assert digest({"set": one}) == digest({"set": str(same)}) != digest({"set": other})


def test_the_unaligned_model_has_a_name_in_a_grid(tmp_path):
    grid = read_grid("quick")
    (row,) = [each for each in grid.repairs if each.name == "safe-lora"]
    attacked = planned(grid, grid.attacks[0], 0, tmp_path)
    named = arguments_of(attacked, row, grid.measure)["repairer_options"]["unaligned"]
    assert named == str(attacked.ground.unaligned)
    without = replace(attacked, ground=replace(attacked.ground, unaligned=None))
    with pytest.raises(UsageError, match="needs the unaligned model"):
        arguments_of(without, row, grid.measure)


def test_names_as_files():
    assert slug("LoRA q, k, v: p = 20 %") == "lora-q-k-v-p-20"


@pytest.mark.parametrize(
    ("attack", "repair", "expected"),
    [
        ("full, lr 3e-4, p 10 %", "contrast", {"reference": "aligned"}),
        ("full, lr 3e-4, p 10 %", "wise-ft", {"reference": "aligned"}),
        ("full, lr 3e-4, p 10 %", "contrast, no reference", {"reference": "none"}),
        ("LoRA, lr 5e-3, p 5 %", "contrast", {"base": "aligned", "merge": False}),
        ("LoRA, lr 5e-3, p 5 %", "contrast, merged", {"base": "aligned", "merge": True}),
        (
            "LoRA, lr 5e-3, p 5 %",
            "contrast, no reference",
            {"base": "aligned", "merge": True, "reference": "none"},
        ),
    ],
)
def test_the_arguments_of_a_repair(tmp_path, attack, repair, expected):
    grid = read_grid("quick")
    (row,) = [each for each in grid.attacks if each.name == attack]
    (chosen,) = [each for each in grid.repairs if each.name == repair]
    attacked = planned(grid, row, 0, tmp_path)
    aligned = str(attacked.ground.reference)
    expected = {k: aligned if v == "aligned" else v for k, v in expected.items()}
    arguments = arguments_of(attacked, chosen, grid.measure)
    assert {k: arguments[k] for k in ("reference", "base", "merge") if k in arguments} == expected
