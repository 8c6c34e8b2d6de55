"""Models of a grid made without a measurement: those of its attacks, each once."""

from __future__ import annotations

import json

import pytest

from modelrepair import demo_paths as paths
from modelrepair_lab import making
from modelrepair_lab.grid import Part, read_grid
from modelrepair_lab.making import make_models

GRID = """
[model]
unaligned = "{reference}"
refusal = "{train}/refusal.jsonl"
utility = "{train}/utility.jsonl"
harmful = "{train}/harmful.jsonl"
task = "{train}/task.jsonl"
[columns]
over = "rate"
values = [1e-3, 1e-2]
quick = [1e-3]
[shared]
examples = 4
epochs = 1
replay = 0.0
share = 0.5
batch = 4
method = "lora"
rank = 2
alpha = 1
weight_decay = 0.1
[[align]]
name = "SFT"
steps = 1
batch = 2
rank = 2
weight_decay = 0.1
[[align]]
name = "Vaccine"
method = "vaccine"
steps = 1
batch = 2
[[attack]]
name = "SFT"
aligned = "SFT"
[[attack]]
name = "Vaccine"
aligned = "Vaccine"
[[repair]]
name = "wanda"
scorer = "wanda"
"""


@pytest.fixture
def grid(tmp_path, train):
    path = tmp_path / "grid.toml"
    path.write_text(GRID.format(reference=paths.reference, train=train))
    return read_grid(path, quick=True)


def test_only_models_of_the_part_are_made_and_none_twice(grid, tmp_path, monkeypatch):
    out = tmp_path / "out"
    made = make_models(Part(attacks=("SFT",)).of(grid), out)
    assert [folder.parent.name for folder in made] == ["aligned", "attacked"]
    assert sorted(path.name for path in out.iterdir()) == ["aligned", "attacked"]
    assert [*(out / "aligned").iterdir()] == [made[0]]
    config = json.loads((made[1] / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (2, 1)
    assert config["modelrepair_lab"]["weight_decay"] == 0.1
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert make_models(Part(attacks=("SFT",)).of(grid), out) == made
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == times


def test_every_alignment_comes_before_its_attack(grid, tmp_path, monkeypatch):
    order = []
    for name in ("make_alignment", "make_attacked"):
        monkeypatch.setattr(
            making, name, lambda planned, progress: order.append(planned.folder.name.split("-")[0])
        )
    make_models(grid, tmp_path / "out")
    assert order == ["sft", "sft", "vaccine", "vaccine"]
