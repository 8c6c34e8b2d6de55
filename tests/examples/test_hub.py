"""Data sets on the Hub: one commit, one split, and what is said where something is missing."""

from __future__ import annotations

import gzip
import json
import lzma

import pytest

from modelrepair.errors import ExampleSetError, HubError, UsageError
from modelrepair.examples.find import find_set
from modelrepair.examples.hub import HubId, parse_id
from modelrepair.examples.load import SetReading
from modelrepair.plugin.specs import ExampleSetSpec


def lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def rows(count: int, **more: object) -> list[dict]:
    return [{"prompt": f"How {n}?", "response": f"So {n}.", **more} for n in range(count)]


BEAVERTAILS = {
    "README.md": b"---\nlicense: cc-by-nc-4.0\nconfigs:\n- config_name: default\n  data_files:\n"
    b"  - split: 30k_train\n    path: round0/30k/train.jsonl.xz\n"
    b"  - split: 30k_test\n    path: round0/30k/test.jsonl.xz\n---\n",
    "round0/30k/train.jsonl.xz": lzma.compress(
        lines([{**row, "is_safe": n % 2 == 0} for n, row in enumerate(rows(10))])
    ),
    "round0/30k/test.jsonl.xz": lzma.compress(lines(rows(3))),
}
TWO = {
    "README.md": b"---\nconfigs:\n- config_name: en\n  data_files: en.jsonl\n"
    b"- config_name: de\n  data_files: de.jsonl\n---\n",
    "en.jsonl": lines(rows(2)),
    "de.jsonl": lines(rows(3)),
}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("org/name", ("org/name", (), None)),
        ("org/name:train", ("org/name", ("train",), None)),
        ("org/name:en:train@v1.0", ("org/name", ("en", "train"), "v1.0")),
        ("org/name::test@refs/pr/1", ("org/name", ("", "test"), "refs/pr/1")),
    ],
)
def test_the_parts_of_an_id(text, parts):
    assert parse_id(text) == HubId(*parts)


@pytest.mark.parametrize("text", ["name", "a/b/c", "./a/b", "org/name:", "org/name@", "a b/c"])
def test_what_is_no_id(text):
    assert parse_id(text) is None or text.endswith(":")


def test_split_filter_licence_and_commit(sets_hub):
    sets_hub.add("org/set", {"README.md": b"---\nlicense: mit\n---\n", "train.jsonl": b"{}"})
    commit = sets_hub.add("org/set", BEAVERTAILS)
    reading = SetReading(filters=("is_safe=False",), limit=4)
    found, notes = find_set("org/set:30k_train", "realign", reading)
    assert (found.id, found.commit, found.licence) == ("org/set:30k_train", commit, "cc-by-nc-4.0")
    assert {e.response for e in found.examples} == {f"So {n}." for n in (1, 3, 5, 7)}
    assert notes == []
    looked_up = [path for _, path in sets_hub.requests if path == "/api/datasets/org/set"]
    others = [path for _, path in sets_hub.requests if "org/set" in path and path not in looked_up]
    assert len(looked_up) == 1
    assert others
    assert all(commit in path for path in others)
    assert not any("test.jsonl" in path for path in others)


def test_a_config_by_its_name(sets_hub):
    sets_hub.add("org/two", TWO)
    assert len(find_set("org/two:de", "utility", SetReading())[0].examples) == 3
    found, _ = find_set("org/two:en:train", "utility", SetReading())
    assert (found.id, len(found.examples)) == ("org/two:en:train", 2)


@pytest.mark.parametrize(
    ("text", "kind", "said", "hint"),
    [
        ("org/set", ExampleSetError, "has several splits", "there are: 30k_train, 30k_test"),
        ("org/set:all", ExampleSetError, "has no split 'all'", "write org/set:30k_train"),
        ("org/two", ExampleSetError, "has several configs", "there are: en, de"),
        ("org/two:fr", ExampleSetError, "has no config 'fr'", "write org/two:en"),
        ("org/two:en:all", ExampleSetError, "has no split 'all'", "write org/two:en:train"),
        ("org/script", ExampleSetError, "code of its own, which is never run", "refs/convert"),
        ("org/empty", ExampleSetError, "can't be read", "JSON, CSV and parquet files work"),
        ("org/cut", ExampleSetError, "train.parquet: no whole parquet", "download"),
        ("org/none", HubError, "there is no data set org/none", "--realign FILE"),
        ("org/gated", HubError, "org/gated is gated", "datasets/org/gated"),
        ("org/set@v9", HubError, "org/set has no revision 'v9'", "--realign FILE"),
    ],
)
def test_what_can_not_be_had(sets_hub, text, kind, said, hint):
    sets_hub.add("org/set", BEAVERTAILS)
    sets_hub.add("org/two", TWO)
    sets_hub.add("org/script", {"script.py": b"raise SystemExit(7)", "train.jsonl": b"{}"})
    sets_hub.add("org/empty", {"notes.md5": b""})
    sets_hub.add("org/cut", {"train.parquet": b"PAR1" * 9})
    sets_hub.add("org/gated", BEAVERTAILS, gated=True)
    with pytest.raises(kind) as caught:
        find_set(text, "realign", SetReading())
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_rows_of_a_published_set_are_left_out_and_counted(sets_hub):
    bad = [{"prompt": "x", "response": ""}, {"prompt": None, "response": "y"}]
    sets_hub.add("org/set", {"train.jsonl": lines([*rows(5), *bad])})
    found, _ = find_set("org/set", "utility", SetReading())
    assert (len(found.examples), len(found.faults)) == (5, 2)
    sets_hub.add("org/set", {"train.jsonl": lines([*rows(1), *bad])})
    with pytest.raises(ExampleSetError, match=r"train\.jsonl, line 2: the answer is empty"):
        find_set("org/set", "utility", SetReading())


BROKEN = {
    "train.jsonl": lines(rows(5))
    + b'{"prompt": "cut sho\n[1]\n"text"\n\xff\xfe\n'
    + lines(rows(7)[5:]),
    "train.csv": b"prompt,response\n"
    + b"".join(b"How %d?,So.\n" % n for n in range(7))
    + b"one cell\na,b,c\n",
    "train.json": json.dumps([*rows(7), 3, "text", [1]]).encode(),
}
LEFT = {"train.jsonl": 4, "train.csv": 2, "train.json": 3}


@pytest.mark.parametrize("name", BROKEN)
def test_rows_of_a_published_set_that_can_not_be_read_are_left_out_and_counted(sets_hub, name):
    sets_hub.add("org/set", {name: BROKEN[name]})
    found, _ = find_set("org/set", "utility", SetReading())
    assert (len(found.examples), len(found.faults)) == (7, LEFT[name])
    assert all(name in fault for fault in found.faults)
    # What lies behind the limit is not looked at.
    few, _ = find_set("org/set", "utility", SetReading(limit=3))
    assert (len(few.examples), len(few.faults)) == (3, 0)


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_of_the_user_s_own_with_a_broken_row_is_an_error(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(ExampleSetError, match=rf"{name}, (line|record) "):
        find_set(str(tmp_path / name), "utility", SetReading())


def test_a_set_of_a_plug_in_is_not_to_be_mended(tmp_path, monkeypatch):
    (tmp_path / "set.jsonl").write_bytes(BROKEN["train.jsonl"])
    spec = ExampleSetSpec("theirs", "x", tmp_path / "set.jsonl", ("utility",))
    monkeypatch.setattr("modelrepair.builtin.EXAMPLE_SETS", (spec,))
    found, _ = find_set("theirs", "utility", SetReading())
    assert (len(found.examples), len(found.faults)) == (7, 4)


def test_a_published_set_of_which_most_rows_are_broken_is_named(sets_hub):
    sets_hub.add("org/set", {"train.jsonl": lines(rows(1)) + b"no json\n" * 3})
    with pytest.raises(ExampleSetError, match=r"org/set:train: 3 of 4 rows can't be used; first"):
        find_set("org/set", "utility", SetReading())
    wrong = [{"prompt": ["a", "b"], "response": "c"} for _ in range(4)]
    sets_hub.add("org/set", {"train.jsonl": lines(wrong)})
    with pytest.raises(ExampleSetError, match='"prompt" is a list'):
        find_set("org/set", "utility", SetReading())


def test_names_that_are_registered(sets_hub, monkeypatch):
    sets_hub.add("org/hh", {
        "harmless-base/train.jsonl.gz": gzip.compress(lines([
            {"chosen": f"\n\nHuman: {n}?\n\nAssistant: I can't.",
             "rejected": f"\n\nHuman: {n}?\n\nAssistant: Sure."} for n in range(3)
        ])),
        "helpful-base/train.jsonl.gz": gzip.compress(lines(rows(9))),
    })  # fmt: skip
    spec = ExampleSetSpec(
        "hh", "pairs", source="org/hh:train", roles=("realign", "refusal"),
        folder="harmless-base", licence="mit",
    )  # fmt: skip
    monkeypatch.setattr("modelrepair.builtin.EXAMPLE_SETS", (spec,))
    realign, notes = find_set("hh", "realign", SetReading())
    refusal, _ = find_set("hh", "refusal", SetReading())
    assert {e.response for e in realign.examples} == {"Sure."}
    assert {e.response for e in refusal.examples} == {"I can't."}
    assert [e.key for e in realign.examples] == [e.key for e in refusal.examples]
    assert (realign.preference, realign.licence) == (True, "mit")
    assert notes == [f"no commit is registered for hh: the newest was taken, {realign.commit}"]
    with pytest.raises(UsageError, match="'hh' is no utility set"):
        find_set("hh", "utility", SetReading())


def test_the_source_s_own_answers_are_prompts_first(tmp_path):
    (tmp_path / "mine.jsonl").write_bytes(lines(rows(4)))
    found, _ = find_set(f"self:{tmp_path / 'mine.jsonl'}", "utility", SetReading())
    assert (found.id, found.own_answers, found.answered) == ("self:mine.jsonl", True, True)
    assert all(example.response is None for example in found.examples)
    with pytest.raises(UsageError, match="serve as a utility or a realign set"):
        find_set("self:plain", "borderline", SetReading())
