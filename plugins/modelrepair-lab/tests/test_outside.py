"""``modelrepair lab outside``: figures of prompts that nothing else has, and none of their text."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from modelrepair import demo_paths as paths
from modelrepair_lab.cli.declaring import by_name
from modelrepair_lab.paper.answers import is_right, number_of
from modelrepair_lab.paper.outside import SHARES, Asking, outside
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


TWICE = {
    "models of one folder name": (["one/model", "two/model"], {"a": "phi"}, "two models have one"),
    "models of one name": (["a=one/model", "a=two/model"], {"a": "phi"}, "two models have one"),
    "models of one file name": (["a b=one/model", "a-b=two/model"], {"a": "phi"}, "as files"),
    "a model without letters": (["+=one/model"], {"a": "phi"}, "no file can have the name '+'"),
    "sets of one file name": (["one/model"], {"a b": "phi", "a-b": "xs"}, "two sets have one"),
    "no set": (["one/model"], {}, "no set to ask"),
}


@pytest.mark.parametrize("what", TWICE)
def test_nothing_is_left_out_in_silence(call, sets, tmp_path, monkeypatch, what):
    models, named, said = TWICE[what]
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model").symlink_to(paths.reference, target_is_directory=True)
    words = [word for name, kind in named.items() for word in (
        f"--{sets[kind][0]}", f"{name}={sets[kind][1]}")]  # fmt: skip
    ran = call("lab", "outside", *models, *words, "--out", tmp_path / "out")
    assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not (tmp_path / "out").exists()


def test_two_sets_of_one_name_are_an_error(call, sets, tmp_path):
    same = [f"--harmful=a={sets['phi'][1]}", f"--benign=a={sets['xs'][1]}"]
    ran = call("lab", "outside", paths.reference, *same, "--out", tmp_path / "out")
    assert (ran.code, "two sets have one name, 'a'" in ran.err) == (2, True)


def test_a_task_may_be_of_any_form_and_needs_answers(call, tmp_path):
    turns = [{"role": "user", "content": "who?"}, {"role": "assistant", "content": "me."}]
    path = write_jsonl(tmp_path / "turns.jsonl", [{"messages": turns}])
    words = ["lab", "outside", paths.reference, "--max-new-tokens", 2, "--out", tmp_path / "out"]
    ran = call(*words, "--task", f"turns={path}", "--json")
    assert (ran.code, ran.json["figures"][0]["right"]["n"]) == (0, 1)
    write_jsonl(path, [{"prompt": "who?"}])
    bare = call(*words, "--task", f"turns={path}")
    assert (bare.code, "Hint" in bare.err) == (2, True), bare.err


def test_a_changed_base_is_asked_again(sets, tmp_path, monkeypatch):
    asked = []
    shares = {name: {"value": 0, "n": 1, "low": 0, "high": 1} for name in SHARES["harmful"]}
    monkeypatch.setattr(
        "modelrepair_lab.paper.outside._asked", lambda *given: asked.append(given) or shares
    )
    base = tmp_path / "base"
    shutil.copytree(paths.reference, base)
    asking = Asking(base=base)
    for _ in range(2):
        outside({"one": paths.adapter}, {"phi": sets["phi"]}, tmp_path / "out", asking)
    assert len(asked) == 1
    shutil.copyfile(paths.attacked / "model.safetensors", base / "model.safetensors")
    outside({"one": paths.adapter}, {"phi": sets["phi"]}, tmp_path / "out", asking)
    assert len(asked) == 2


def test_a_name_with_the_sign_in_it_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=1e-3").mkdir()
    assert by_name(["lr=1e-3", "a=lr=1e-3"]) == {"lr=1e-3": "lr=1e-3", "a": "lr=1e-3"}
    assert by_name(["."]) == {tmp_path.name: "."}


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
