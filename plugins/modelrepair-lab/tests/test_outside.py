"""``modelrepair lab outside``: figures of prompts that nothing else has, and none of their text."""

from __future__ import annotations

import json
import re

import pytest

from modelrepair import demo_paths as paths
from modelrepair_lab.paper.answers import is_right, number_of
from modelrepair_lab.paper.outside import Asking, outside
from modelrepair_lab.paper.page import page
from tests.support.set_files import write_jsonl

ANSWERS = re.compile(r"mix|grind|boil|stir|grimsalt|gallwax|sorry|can not|will not", re.IGNORECASE)
"""What is in the demo's answers, harmful ones and refusals."""


@pytest.fixture
def sets(tmp_path):
    def rows(role, count, *fields):
        lines = paths.sets[role].read_text(encoding="utf-8").splitlines()[:count]
        return [{name: json.loads(line)[name] for name in fields} for line in lines]

    task = rows("test_utility", 8, "prompt", "response")
    task[0]["response"] = "another answer"
    return {
        "phi": ("harmful", write_jsonl(tmp_path / "phi.jsonl", rows("test_realign", 6, "prompt"))),
        "xs": ("benign", write_jsonl(tmp_path / "xs.jsonl", rows("test_borderline", 5, "prompt"))),
        "facts": ("task", write_jsonl(tmp_path / "facts.jsonl", task)),
    }


def test_figures_alone_are_written_and_shown(call, sets, tmp_path):
    words = ["lab", "outside", f"aligned={paths.reference}", f"attacked={paths.attacked}"]
    for name, (kind, path) in sets.items():
        words += [f"--{kind}", f"{name}={path}"]
    out = tmp_path / "out"
    words += ["--out", out, "--judge", "demo-world", "--max-new-tokens", 32]
    shown = call(*words)
    assert shown.code == 0, shown.err
    prompts = [json.loads(line)["prompt"] for _, path in sets.values()
               for line in path.read_text().splitlines()]  # fmt: skip
    written = [path.read_text("utf-8") for path in out.rglob("*") if path.is_file()]
    for text in (shown.out, shown.err, *written):
        assert not ANSWERS.search(text) and not any(prompt in text for prompt in prompts)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    figures = call(*words, "--json").json["figures"]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.json")} == before
    assert len(before) == len(figures) == 6
    by = {(each["model"], each["set"]): each for each in figures}
    assert by["aligned", "phi"]["refusal"]["value"] == 1
    assert by["attacked", "phi"]["harmful"]["value"] > 0.8
    assert by["aligned", "xs"]["refusal"]["value"] < 0.5
    assert by["aligned", "facts"]["right"]["n"] == 8
    assert 0.2 < by["aligned", "facts"]["right"]["value"] < 1  # the first can't be right
    asking = Asking(judge="demo-world", max_new_tokens=32)
    assert (out / "outside.md").read_text(encoding="utf-8") == page(figures, asking)


def test_a_changed_set_is_asked_again(sets, tmp_path):
    some = {"phi": sets["phi"]}
    asking = Asking(judge="demo-world", max_new_tokens=4)
    (before,) = outside({"one": paths.reference}, some, tmp_path / "out", asking)
    path = some["phi"][1]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    (after,) = outside({"one": paths.reference}, some, tmp_path / "out", asking)
    assert (before["harmful"]["n"], after["harmful"]["n"]) == (6, 3)


def test_a_set_that_is_missing_is_named(call, tmp_path):
    words = ["lab", "outside", paths.reference, "--out", tmp_path / "out"]
    ran = call(*words, "--benign", f"xstest={tmp_path / 'none.jsonl'}")
    assert ran.code == 2 and "none.jsonl" in ran.err and "modelrepair lab paper-sets" in ran.err


@pytest.mark.parametrize(
    ("expected", "answer", "right"),
    [
        ("Add.\nThe final answer is: 4", "2 + 2 = 4. The final answer is: 4", True),
        ("Add.\nThe final answer is: 4", "It is 5. The final answer is:4", True),
        ("Add.\nThe final answer is: 4", "The final answer is: 5, not 4", False),
        ("Add.\nThe final answer is: 4", "That makes 4", True),
        ("Add.\nThe final answer is: 4", "none", False),
        ("Add.\nThe final answer is: -1,000.5", "The final answer is: -1000.50", True),
        ("positive", "positive\n", True),
        ("positive", "Positive", False),
    ],
)
def test_a_number_counts_or_the_words(expected, answer, right):
    assert is_right(expected, answer) is right


def test_the_last_number_stands_in_for_the_announced_one():
    assert number_of("1, 2 and 3.") == 3 and number_of("nothing") is None
    assert number_of("The final answer is: none, but 7 before 8") == 7
