"""Sets are asked for before the weights."""

from __future__ import annotations

from modelrepair.cli.main import run
from tests.support.hub.order import filled_fixture  # noqa: F401

SETS = ["--realign=org/harm", "--utility=none", "--borderline=none", "--judge=demo-world"]
FIXED = ["--ratio=0.01", "--no-evaluate", "--reference=none", "--json"]


def test_the_set_is_asked_for_before_the_weights(filled, capsys):
    filled.repos["org/harm"].gated = False
    assert run(["fix", "user/broken", *SETS, *FIXED, "--scorer=wanda", "--examples=8"]) == 0
    paths_of = [path for _, path in filled.requests]
    sets = [number for number, path in enumerate(paths_of) if "/org/harm/" in path]
    weights = [n for n, path in enumerate(paths_of) if path.endswith("model.safetensors")]
    assert max(sets) < max(weights), "of the weights, the header alone comes before"
