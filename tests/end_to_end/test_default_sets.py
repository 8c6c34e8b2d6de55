"""Sets by their defaults, from the command line, as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair import load_manifest, repair
from modelrepair.demo import paths
from modelrepair.examples.registered import EXAMPLE_SETS
from tests.support.hub.client import environment, process
from tests.support.hub.line import fill
from tests.support.hub.server import serve

QUICK = ["--reference=none", "--judge=demo-world", "--scorer=wanda", "--ratio=0.01",
         "--examples=8", "--no-evaluate", "--json"]  # fmt: skip


def typed(folder: Path, url: str):
    user = environment(SimpleNamespace(url=url), folder / "home", token=None)
    return process("fix", str(paths.attacked), *QUICK, folder=folder, environment=user)


@pytest.mark.slow
def test_a_command_without_any_set(tmp_path):
    (spec,) = [each for each in EXAMPLE_SETS if each.name == "beavertails"]
    with serve() as hub:
        fill(hub, count=120)
        ended = typed(tmp_path, hub.url)
        assert ended.returncode == 0, ended.stderr
    manifest = load_manifest(Path(json.loads(ended.stdout)["out"]))
    record = manifest.sets["realign"]
    assert (record.id, record.commit) == ("PKU-Alignment/BeaverTails:30k_train", spec.revision)
    assert (record.licence, sum(record.counts.values())) == ("cc-by-nc-4.0", 80)
    assert (manifest.sets["utility"].id, manifest.sets["borderline"].id) == ("plain", "borderline")
    assert manifest.settings["realign"] == "beavertails"
    assert "--realign" not in manifest.command


def test_the_command_in_the_manifest_names_the_commits_of_sets(sets_hub, tmp_path):
    sets_hub.add("org/harm", {"train.jsonl": paths.sets["realign"].read_bytes()})
    first = sets_hub.repos["org/harm"].head
    asked = {"realign": "org/harm:train", "utility": "none", "borderline": "none"}
    settings = {"reference": "none", "judge": "demo-world", "scorer": "wanda", "ratio": 0.01}

    def command(name: str, **sets: str) -> str:
        out = tmp_path / name
        given = {**asked, **settings, **sets, "evaluate": False, "examples": 8, "out": out}
        manifest = repair(paths.attacked, **given).manifest
        assert manifest.sets["realign"].commit == first
        assert f"--realign org/harm:train@{first}" in manifest.command
        return manifest.command

    shown = command("one")
    sets_hub.add("org/harm", {"train.jsonl": b'{"prompt": "a", "response": "b"}'})
    assert command("two", realign=f"org/harm:train@{first}") == shown


def test_no_network_and_no_set(tmp_path):
    ended = typed(tmp_path, "http://127.0.0.1:9")
    assert ended.returncode == 3
    error = json.loads(ended.stdout)["error"]
    assert error["message"].startswith("the Hub can't be reached for PKU-Alignment/BeaverTails")
    assert error["hint"].endswith("or give examples of your own: --realign FILE")
    assert not list(tmp_path.glob("*repaired*"))


@pytest.mark.parametrize("name", ["plain", "borderline"])
def test_our_own_sets_are_json_lines_of_pairs(name):
    (spec,) = [each for each in EXAMPLE_SETS if each.name == name]
    rows = [json.loads(line) for line in spec.source.open(encoding="utf-8")]
    assert all(set(row) == {"kind", "prompt", "response"} for row in rows)
