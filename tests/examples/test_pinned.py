"""A set whose files lie in the cache is read without the Hub, and one that is not whole is not."""

from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub.constants as constants
import pytest
from huggingface_hub import HfApi

from modelrepair.errors import UnreachableError
from modelrepair.examples.find import find_set
from modelrepair.examples.load import LOOKED_AT, SetReading
from modelrepair.plugin.specs import ExampleSetSpec
from tests.support.hub.faults import Fault

CARD = b"""---
license: cc-by-nc-4.0
configs:
- config_name: default
  data_files:
  - {split: train, path: "data/train-*.jsonl"}
  - {split: test, path: data/test.jsonl}
---
"""


def lines(count: int, word: str = "How") -> bytes:
    rows = [{"prompt": f"{word} {n}?", "response": f"So {n}."} for n in range(count)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


FILES = {
    "README.md": CARD,
    "data/train-0.jsonl": lines(4),
    "data/train-1.jsonl": lines(4, "Why"),
    "data/test.jsonl": lines(2, "Who"),
}


def offline(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def failing(hub, monkeypatch):
    hub.faults.append(Fault("GET|HEAD|POST", "", status=503))


def gone(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", "http://127.0.0.1:9")


def read(text: str, **reading):
    return find_set(text, "utility", SetReading(**reading))


@pytest.mark.parametrize("without", [offline, failing, gone])
@pytest.mark.parametrize("whole", ["by an earlier run", "by hf download"])
def test_a_pinned_set_in_the_cache_needs_no_hub(sets_hub, monkeypatch, without, whole):
    commit = sets_hub.add("org/set", FILES)
    wanted = f"org/set:train@{commit}"
    if whole == "by hf download":
        HfApi().snapshot_download("org/set", repo_type="dataset", revision=commit)
    else:
        before, _ = read(wanted)
    sets_hub.add("org/set", {"train.jsonl": lines(1, "Newer")})
    without(sets_hub, monkeypatch)
    found, notes = read(wanted)
    assert (found.commit, found.licence, found.id) == (commit, "cc-by-nc-4.0", "org/set:train")
    assert len(found.examples) == 8 and notes == []
    if whole == "by an earlier run":
        assert (found.digest, found.id) == (before.digest, before.id)


def test_offline_nothing_is_asked(sets_hub, monkeypatch):
    commit = sets_hub.add("org/set", FILES)
    read(f"org/set:train@{commit}")
    offline(sets_hub, monkeypatch)
    sets_hub.requests.clear()
    read(f"org/set:train@{commit}")
    assert sets_hub.requests == []


@pytest.mark.parametrize("without", [offline, failing])
def test_a_registered_set_in_the_cache_needs_no_hub(sets_hub, monkeypatch, without):
    commit = sets_hub.add("org/set", FILES)
    spec = ExampleSetSpec("mine", "x", "org/set:train", ("utility",), revision=commit)
    monkeypatch.setattr("modelrepair.builtin.EXAMPLE_SETS", (spec,))
    before, _ = read("mine")
    without(sets_hub, monkeypatch)
    assert read("mine")[0].digest == before.digest


@pytest.mark.parametrize("without", [offline, failing])
@pytest.mark.parametrize("gone", ["data/train-1.jsonl", "README.md"])
def test_a_set_that_is_in_the_cache_in_part_is_not_there(sets_hub, monkeypatch, gone, without):
    commit = sets_hub.add("org/set", FILES)
    read(f"org/set:train@{commit}")
    (found,) = Path(constants.HF_HUB_CACHE).glob(f"datasets--org--set/snapshots/*/{gone}")
    found.unlink()
    without(sets_hub, monkeypatch)
    with pytest.raises(UnreachableError) as caught:
        read(f"org/set:train@{commit}")
    assert caught.value.exit_code == 3
    assert "folder of this name" not in caught.value.hint


def test_another_split_is_not_whole_because_one_is(sets_hub, monkeypatch):
    commit = sets_hub.add("org/set", FILES)
    read(f"org/set:train@{commit}")
    offline(sets_hub, monkeypatch)
    with pytest.raises(UnreachableError, match=r"not hold it whole: data/test.jsonl is missing"):
        read(f"org/set:test@{commit}")


def test_what_an_earlier_run_read_of_a_set_is_read_again(sets_hub, monkeypatch):
    commit = sets_hub.add("org/set", {**FILES, "data/train-0.jsonl": lines(LOOKED_AT + 1)})
    before, _ = read(f"org/set:train@{commit}", limit=3)
    offline(sets_hub, monkeypatch)
    assert read(f"org/set:train@{commit}", limit=3)[0].digest == before.digest
    with pytest.raises(UnreachableError, match=r"data/train-1.jsonl is missing"):
        read(f"org/set:train@{commit}")


def test_a_branch_offline_is_the_newest_commit_in_the_cache_and_that_is_said(sets_hub, monkeypatch):
    commit = sets_hub.add("org/set", FILES)
    before, said = read("org/set:train")
    assert said == []
    offline(sets_hub, monkeypatch)
    found, said = read("org/set:train")
    assert (found.digest, found.commit) == (before.digest, commit)
    assert said == [f"org/set:train: the newest commit in the cache was taken, {commit}"]


@pytest.mark.parametrize("without", [failing, gone])
def test_a_branch_is_no_commit_where_the_hub_fails(sets_hub, monkeypatch, without):
    commit = sets_hub.add("org/set", FILES)
    read("org/set:train")
    without(sets_hub, monkeypatch)
    with pytest.raises(UnreachableError) as caught:
        read("org/set:train")
    assert f"what the cache holds: org/set@{commit}" in caught.value.hint


@pytest.mark.parametrize("without", [offline, failing, gone])
def test_a_set_that_was_never_fetched(sets_hub, monkeypatch, without):
    commit = sets_hub.add("org/set", FILES)
    without(sets_hub, monkeypatch)
    for text in ("org/set", f"org/set@{commit}"):
        with pytest.raises(UnreachableError) as caught:
            read(text)
        assert "--utility FILE" in caught.value.hint
