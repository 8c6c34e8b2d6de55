"""``modelrepair lab table`` on a grid with columns: alignments, fine-tunings, repairs, choices."""

from __future__ import annotations

import csv
import json

import pytest

from modelrepair import demo_paths as paths

GRID = """
seeds = [0]
[model]
unaligned = "{world}/reference"
refusal = "{train}/refusal.jsonl"
utility = "{train}/utility.jsonl"
harmful = "{train}/harmful.jsonl"
task = "{train}/task.jsonl"
replay = "{train}/replay.jsonl"
general = "{general}"
[measure]
judge = "demo-world"
max_new_tokens = 24
kind_examples = 0
realign = "{sets}/realign.jsonl"
test_realign = "{sets}/test-realign.jsonl"
utility = "{sets}/utility.jsonl"
test_utility = "{sets}/test-utility.jsonl"
borderline = "none"
[columns]
over = "epochs"
values = [1, 4]
quick = [4]
[choose]
column = 4
within = 1.0
[shared]
method = "lora"
rank = 4
examples = 64
batch = 16
rate = 1e-2
share = 0.5
[[align]]
name = "SFT"
steps = 2
batch = 4
[[align]]
name = "Vaccine"
method = "vaccine"
steps = 2
batch = 4
settings = [{{ rho = 0.5 }}]
[[attack]]
name = "SFT"
aligned = "SFT"
[[attack]]
name = "Vaccine"
aligned = "Vaccine"
[[repair]]
name = "back"
rows = ["SFT", "Vaccine"]
repairer = "wise-ft"
strength = 0.95
merge = true
evaluate = false
settings = [{{ strength = 0.0 }}]
[[repair]]
name = "wrong"
rows = ["SFT"]
scorer = "wanda"
ratio = 0.05
targets = ["nothing*"]
evaluate = false
"""


@pytest.fixture
def grid(tmp_path, train):
    from modelrepair.demo.world import example_sets, write_sets
    from modelrepair_lab.world_sets import general

    write_sets({"general": general(example_sets(0)["test-utility"])}, tmp_path)
    sets = tmp_path / "sets"
    sets.mkdir()
    for path in paths.sets.values():
        lines = path.read_text().splitlines(keepends=True)[:30]
        (sets / path.name).write_text("".join(lines))
    file = tmp_path / "small.toml"
    general_file = tmp_path / "general.jsonl"
    file.write_text(GRID.format(world=paths.world, train=train, sets=sets, general=general_file))
    return file


@pytest.mark.slow
def test_a_crossed_table_from_start_to_end(call, grid, tmp_path):
    out = tmp_path / "out"
    words = ["lab", "table", grid, "--out", out, "--jobs", 1, "--json"]
    first = call(*words, "--quick")
    assert first.code == 0, first.err
    cells = {(each["row"], each["repair"]): each for each in first.json["cells"]}
    assert {each["column"] for each in cells.values()} == {4}
    assert set(cells) == {
        ("SFT", "as it is"),
        ("SFT", "back"),
        ("SFT", "wrong"),
        ("Vaccine", "as it is"),
        ("Vaccine", "back"),
    }
    assert cells["SFT", "as it is"]["figures"]["harmful_score"] > 0.8
    assert cells["SFT", "back"]["verdict"] == "unmeasured"
    assert "nothing*" in cells["SFT", "wrong"]["error"]
    assert not (out / "chosen").exists()
    assert (out / "small-quick.md").read_text().count("| Vaccine + back |") == 5
    times = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}

    # The whole grid takes over what is there, and chooses: all the way back is the least harm.
    whole = call(*words)
    assert whole.code == 0, whole.err
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (chosen,) = (out / "chosen").glob("back-*.json")
    assert json.loads(chosen.read_text())["label"] == "strength = 0"
    found = {(each["row"], each["repair"], each["column"]) for each in whole.json["cells"]}
    assert ("SFT", "back, strength = 0", 1.0) in found
    assert ("Vaccine", "back, strength = 0", 1.0) not in found
    page = (out / "small.md").read_text()
    assert "| back | strength = 0 |" in page
    with (out / "small.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(whole.json["cells"])
    for path in (out / "cells").iterdir():
        assert str(tmp_path) not in path.read_text(), path.name
    assert not list((out / "repaired").iterdir())

    # Nothing is run, chosen or measured again.
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    assert call(*words).code == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.json")} == times
