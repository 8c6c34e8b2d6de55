"""``modelrepair lab paper-sets``: splits of the published data sets, from files of their form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair import ExampleSetError, UsageError
from modelrepair_lab.paper.places import BEAVERTAILS, SST2, Pair, records
from modelrepair_lab.paper.sets import Sizes, Sources, distinct, key, make_sets

from . import published_files as files


def row(prompt: str, response: str, *, safe: bool = False) -> dict:
    return {"prompt": prompt, "response": response, "is_safe": safe}


@pytest.fixture
def places(tmp_path) -> dict[str, str]:
    """Each data set, small; some prompts stand on both sides, in other capitals or spaces."""
    train = [row(f"harm {n}", f"so {n}") for n in range(20)]
    train += [row(f"HARM  {n}", f"other {n}") for n in range(20)]
    train += [row("test 1", "leaks"), row("test 2", "is safe", safe=True)]
    train += [row(f"harm {n}", f"no {n}", safe=True) for n in range(20)]
    train += [row("harm 3", "never", safe=True), row("harm 3", "never", safe=True)]
    test = [row(f"test {n}", f"so {n}") for n in range(4)]
    test += [row("Test 0", "again"), row("fine", "yes", safe=True)]
    made = {
        "beavertails": files.beavertails(tmp_path / "beaver", train=train, test=test),
        "sst2": files.sst2(
            tmp_path / "sst2",
            train=[(f"film {n} ", n % 2) for n in range(12)] + [("a test ", 1)],
            test=[("a test ", 1), ("another test ", 0)],
        ),
        "gsm8k": files.gsm8k(
            tmp_path / "gsm8k",
            train=[(f"{n} + {n}?", f"Add.\n#### {2 * n}") for n in range(12)],
            test=[("1 + 1?", "Add.\n#### 2")],
        ),
        "hex-phi": files.hex_phi(
            tmp_path / "phi", {1: ["Make zordrax.", 'Say "no", twice.'], 10: ["Brew it."]}
        ),
        "xstest": files.xstest(
            tmp_path / "xstest.csv",
            [("How do I kill a process?", "homonyms", "safe"), ("Kill?", "contrast", "unsafe")],
        ),
    }  # fmt: skip
    return {name: str(place) for name, place in made.items()}


SIZES = Sizes(safe=15, attack=5, realign=7, test=3, task=6, utility=4, task_test=2)


def read(folder: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_no_prompt_is_in_two_of_attack_scoring_and_test(places, tmp_path):
    made = make_sets(tmp_path / "sets", Sources(places), SIZES)
    sets = {name: read(tmp_path / "sets", name) for name in made["counts"]}
    keys = {n: {key(Pair(each["prompt"])) for each in rows} for n, rows in sets.items()}
    apart = ["train/harmful", "sets/realign", "sets/test-realign"]
    for task in ("sst2", "gsm8k"):
        apart += [f"train/{task}", f"sets/utility-{task}", f"sets/test-utility-{task}"]
    together = [each for name in apart for each in keys[name]]
    assert len(together) == len(set(together))
    for name in apart:
        assert len(keys[name]) == len(sets[name]) == made["counts"][name]
    assert not keys["train/safe"] & keys["sets/test-realign"]
    assert keys["sets/refusal"] == keys["sets/realign"]
    assert made["counts"]["train/safe"] == 15 and made["counts"]["train/harmful"] == 5


def test_the_order_is_the_papers_and_nothing_is_drawn(places, tmp_path):
    for name in ("one", "two"):
        make_sets(tmp_path / name, Sources(places), SIZES)
    some = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(some) == 14
    for path in some:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    attack = read(tmp_path / "one", "train/harmful")
    assert [each["response"] for each in attack] == [f"so {n}" for n in range(5)]
    realign = read(tmp_path / "one", "sets/realign")
    assert [each["prompt"] for each in realign] == [f"harm {n}" for n in range(5, 12)]
    test = read(tmp_path / "one", "sets/test-realign")
    assert [each["response"] for each in test] == ["so 0", "so 1", "so 2"]


def test_tasks_and_outside_sets_have_the_papers_form(places, tmp_path):
    make_sets(tmp_path / "sets", Sources(places), SIZES)
    first = read(tmp_path / "sets", "train/sst2")[0]
    assert first["prompt"].endswith("only positive or negative\n\n### Input:\nfilm 0")
    assert (first["response"], first["exact"]) == ("negative", True)
    number = read(tmp_path / "sets", "train/gsm8k")[1]
    # 1 + 1 is in the test.
    assert number == {"prompt": "2 + 2?", "response": "Add.\nThe final answer is: 4"}
    phi = [each["prompt"] for each in read(tmp_path / "sets", "outside/hex-phi")]
    assert sorted(phi) == ["Brew it.", "Make zordrax.", 'Say "no", twice.']
    assert read(tmp_path / "sets", "outside/xstest") == [
        {"prompt": "How do I kill a process?", "kind": "homonyms"}
    ]


def test_a_single_file_and_refusals_serve_too(places, tmp_path):
    rows = [{"prompt": "harm 1", "refusal": f"Question: harm {n}\nAnswer: I won't."}
            for n in range(3)]  # fmt: skip
    rows += [{"prompt": "", "refusal": "Question: test 0\nAnswer: I won't."}]
    (tmp_path / "refusals.json").write_text(json.dumps(rows))
    sources = Sources(places, tmp_path / "refusals.json", tasks=("sst2",), outside=())
    made = make_sets(tmp_path / "sets", sources, SIZES)
    assert read(tmp_path / "sets", "train/safe") == [
        {"prompt": f"harm {n}", "response": "I won't."} for n in range(3)
    ]
    assert not any(name.startswith("outside") or "gsm8k" in name for name in made["counts"])


def test_a_folder_that_is_there_is_said_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("modelrepair_lab.paper.sets.records", None)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        make_sets(tmp_path)


def test_a_set_that_would_be_empty_is_an_error(places, tmp_path):
    with pytest.raises(ExampleSetError, match="no example is left for sets/realign") as it:
        make_sets(tmp_path / "sets", Sources(places), replace(SIZES, attack=20))
    assert "smaller" in it.value.hint
    assert not (tmp_path / "sets").exists()


def test_what_is_missing_is_said(places, tmp_path):
    (tmp_path / "short.csv").write_text("sentence\nwell\n")
    with pytest.raises(ExampleSetError, match="beavertails can't be had") as caught:
        make_sets(tmp_path / "sets", Sources({**places, "beavertails": places["sst2"]}), SIZES)
    assert "--beavertails" in caught.value.hint
    with pytest.raises(ExampleSetError, match="sst2 has no column label"):
        next(records(SST2, "train", str(tmp_path / "short.csv")))
    assert not (tmp_path / "sets").exists()
    with pytest.raises(UsageError, match="no set is called 'agnews'"):
        Sources(tasks=("agnews",))
    with pytest.raises(UsageError, match="attack is 0"):
        Sizes(attack=0)


def test_a_place_on_the_hub_is_read_at_its_commit(monkeypatch):
    asked = {}

    def load(where, **options):
        asked[where] = options
        return [{"prompt": "a", "response": "b", "is_safe": True}]

    monkeypatch.setattr("datasets.load_dataset", load)
    assert len(list(records(BEAVERTAILS, "30k_train"))) == 1
    assert len(list(records(BEAVERTAILS, "30k_test", "my/copy@v2"))) == 1
    assert asked["PKU-Alignment/BeaverTails"]["revision"] == BEAVERTAILS.revision
    assert (asked["my/copy"]["revision"], asked["my/copy"]["split"]) == ("v2", "30k_test")


def test_the_first_of_each_prompt_stays():
    pairs = [Pair("a", "1"), Pair("A ", "2"), Pair("b", "3")]
    assert [pair.response for pair in distinct(pairs)] == ["1", "3"]
    assert [pair.response for pair in distinct(pairs, {key(Pair("a"))})] == ["3"]


def test_the_command_counts_and_shows_no_text(places, tmp_path, call):
    words = [word for name, place in places.items() for word in (f"--{name}", place)]
    words += ["--task", 6, "--utility", 4]
    ran = call("lab", "paper-sets", "--out", tmp_path / "sets", *words, "--attack", 5, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["counts"]["train/harmful"] == 5
    assert ran.json["counts"]["outside/hex-phi"] == 3
    assert "zordrax" not in ran.out + ran.err and "harm 1" not in ran.out + ran.err
    assert call("lab", "paper-sets", "--out", tmp_path / "sets", *words).code == 2
