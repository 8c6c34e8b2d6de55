"""``modelrepair lab attack --defence``: what it writes, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from safetensors.numpy import load_file

LDIFS = ("--defence", "ldifs")
LISA = ("--defence", "lisa", "--defence-option", "rounds=1")
# Three steps: one safe one and two of the user's, held from the second on.
LONGER = ("--epochs", 1.5)


def weights(folder):
    return load_file(next(folder.glob("*.safetensors")))


def same(one, other):
    return all((one[name] == other[name]).all() for name in one | other)


def mark(folder, name="config.json"):
    return json.loads((folder / name).read_text())["modelrepair_lab"]


def test_a_defended_fine_tuning_is_another_one_and_says_so(call, attack_words, train, tmp_path):
    safe = ["--alignment", train / "refusal.jsonl"]
    made = {"plain": [], "ldifs": LDIFS, "lisa": [*LISA, *safe], "again": [*LISA, *safe]}
    for name, words in made.items():
        result = call(*attack_words, *LONGER, *words, "--out", tmp_path / name, "--json")
        assert result.code == 0, result.err
        assert result.json.get("turns") == (
            {"alignment": 1, "user": 2} if words and words is not LDIFS else None
        )
    assert "defence" not in mark(tmp_path / "plain")
    assert mark(tmp_path / "ldifs")["defence"] == {
        "name": "ldifs",
        "weight": 10.0,
        "variant": "paper",
    }
    assert mark(tmp_path / "lisa")["defence"] == {
        "name": "lisa",
        "align_steps": 100,
        "user_steps": 900,
        "rho": 1.0,
        "free": 0.1,
        "rounds": 1,
    }
    card = (tmp_path / "lisa" / "README.md").read_text()
    assert "broken on purpose, by full fine-tuning. The defence lisa was on." in card
    plain, held, turned, again = (weights(tmp_path / name) for name in made)
    assert not same(plain, held)
    assert not same(plain, turned)
    assert same(turned, again)


@pytest.mark.parametrize("words", [LDIFS, (*LDIFS, "--defence-option", "variant=code"), LISA])
def test_adapters(call, attack_words, train, tmp_path, words):
    safe = ["--alignment", train / "refusal.jsonl"] if words is LISA else []
    lora = ["--method", "lora", "--rank", 2]
    out = tmp_path / "adapter"
    result = call(*attack_words, *LONGER, *lora, *words, *safe, "--out", out)
    assert result.code == 0, result.err
    assert mark(out, "adapter_config.json")["defence"]["name"] == words[1]
    assert set(json.loads((out / "adapter_config.json").read_text())["target_modules"]) > {"q_proj"}


REFUSED = {
    "no alignment set": (LISA, "lisa needs safe answers to take turns with", "--alignment"),
    "alignment without a use": (
        (*LDIFS, "--alignment", "refusal.jsonl"),
        "only lisa takes an alignment set",
        "leave out --alignment",
    ),
    "another's option": (
        (*LDIFS, "--defence-option", "rho=1"),
        "ldifs has no option 'rho'",
        "ldifs knows: weight, variant",
    ),
    "a wrong value": ((*LISA, "--defence-option", "rho=-1"), "rho is -1", "0 or more"),
    "too short": (
        ("--defence", "lisa", "--alignment", "refusal.jsonl"),
        "a round of lisa has 100 + 900 steps, and the fine-tuning has 156",
        "rounds=20",
    ),
    "an option of nothing": (
        ("--defence-option", "rho=1"),
        "--defence-option without a defence",
        "--defence",
    ),
    "an unknown defence": (("--defence", "vaccine"), "'vaccine' is not one of", "'ldifs', 'lisa'"),
    "of what is not trained": (
        ("--method", "ablate", *LDIFS),
        "--defence is no option of --method ablate",
        "--help",
    ),
    "safe data of what is not trained": (
        ("--method", "ablate", "--alignment", "refusal.jsonl"),
        "only lisa takes an alignment set",
        "leave out --alignment",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(call, attack_words, tmp_path, kind):
    words, said, hint = REFUSED[kind]
    without = attack_words[: attack_words.index("--replay")]  # what an ablation has, too
    result = call(*without, *words, "--out", tmp_path / "out")
    assert result.code == 2
    assert said in result.err
    assert hint in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_as_a_program_of_its_own(attack_words, tmp_path):
    words = [*attack_words, *LDIFS, "--out", tmp_path / "out"]
    run = subprocess.run(
        [sys.executable, "-m", "modelrepair", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert run.returncode == 0, run.stderr
    assert mark(tmp_path / "out")["defence"]["name"] == "ldifs"
