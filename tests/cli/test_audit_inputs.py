"""What users get wrong with ``modelrepair audit``: a line, a hint, the code; in a list a line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

from tests.support.auditing import CONFIG, SHAPES, document, model, tensors, write

OTHER = {
    "config.json": document({**CONFIG, "model_type": "gpt_neox"}),
    "model.safetensors": tensors({"gpt_neox.embed_in.weight": (12, 8)}),
}
RUBBISH = (
    b"\xef\xbb\xbf# a list\r\n\r\nuser/good\r\n   \r\nuser/good\r\n../../etc/passwd\r\n./here\r\n"
    b"here/config.json\r\nuser/no\x00ne\r\nuser/\x1b[31mred\r\n" + b"a" * 10_000 + b"\r\n./"
    + b"b" * 10_000 + b"\r\nuser/gated\r\n\xe2\x80\xaeuser/x\r\nuser/\xe9\r\nuser/none\r\n"
    b"https://huggingface.co/user/base\r\ndatasets/user/x\r\nuser/good@nope"
)  # fmt: skip
"""Fifteen names, of which three are models that can be looked at."""


@pytest.fixture
def place(hub, tmp_path, monkeypatch):
    """A folder to run in, with what the cases name; models on the Hub beside it."""
    monkeypatch.chdir(tmp_path)
    hub.add("user/good", model())
    hub.add("user/base", model())
    hub.add("user/other", model(**OTHER))
    hub.add("user/gated", model(), gated="manual")
    write(tmp_path / "here", model())
    (tmp_path / "rubbish.txt").write_bytes(RUBBISH)
    (tmp_path / "empty.txt").write_bytes(b"\n# nothing\n")
    (tmp_path / "utf16.txt").write_bytes("user/good\n".encode("utf-16"))
    return tmp_path


ONE = ["user/good"]
TWO = ["user/good", "user/base"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["user/none"], 3, "there is no model user/none"),
        (["user/gated"], 3, "user/gated is gated"),
        (["user/good", "--revision", "nope"], 3, "no revision 'nope'"),
        ([""], 2, "the name of the model is empty"),
        (["a" * 10_000], 2, "is neither a folder here nor an id"),
        (["./" + "a" * 10_000], 2, "no folder ./aaa"),
        (["./no\x00ne"], 2, "no folder ./no"),
        (["here/config.json"], 2, "here/config.json is a file"),
        (["./here/config.json"], 2, "./here/config.json is a file"),
        (["--org", "empty-org"], 2, "the Hub lists no model of empty-org"),
        (["--author", "../x"], 2, "the Hub lists no model of ../x"),
        (["--tag", "none-such"], 2, "no model of the tag none-such"),
        (["--org", ""], 2, "'--org': it is empty"),
        (["--from", "none.txt"], 2, "the list none.txt can't be read"),
        (["--from", "here"], 2, "the list here can't be read"),
        (["--from", "utf16.txt"], 2, "it is UTF-16"),
        (["--from", "empty.txt"], 2, "there is nothing to look at"),
        ([*ONE, "--base", "rubbish.txt"], 2, "rubbish.txt is a file"),
        ([*ONE, "--base", "user/none"], 3, "there is no model user/none"),
        ([*TWO, "--base", "user/none"], 3, "there is no model user/none"),
        ([*ONE, "--base", ""], 2, "'--base': it is empty"),
        ([*ONE, "--candidates", "none.txt"], 2, "the list none.txt can't be read"),
        ([*ONE, "--candidates", "empty.txt"], 2, "empty.txt names no candidate"),
        ([*ONE, "--candidates", "utf16.txt"], 2, "it is UTF-16"),
        ([*ONE, "--budget", "0"], 2, "'--budget': 0"),
        ([*ONE, "--budget", "-1"], 2, "'--budget': -1"),
        ([*ONE, "--seed", "-1"], 2, "'--seed': -1"),
        ([*ONE, "--shard", "1/2"], 2, "--shard is of a list"),
        *(([*TWO, "--shard", each], 2, "is no part of a list")
          for each in ("3/2", "0/2", "1/0", "a/b", "1", "1/2/3", "-1/2", "²/2")),
        ([*TWO, "--state", "none/x"], 4, "x can't be read or written"),
        ([*TWO, "--state", "here"], 2, "is a directory"),
        ([*TWO, "--state", "/proc/x"], 4, "x can't be read or written"),
        ([*TWO, "--state", "utf16.txt"], 2, "is the state of another audit"),
        ([*ONE, "--format", "json", "--out", "none/x"], 2, "no folder none for --out"),
        ([*ONE, "--format", "json", "--out", "here"], 2, "is a directory"),
        ([*ONE, "--format", "json", "--out", "/proc/x"], 4, "can't be read or written"),
        ([*ONE, "--out", "x"], 2, "--out is of json"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_line_a_hint_and_the_code(place, call, arguments, code, said):
    done = call("audit", *arguments)
    assert (done.code, done.out) == (code, "")
    error, hint = [
        line for line in done.err.splitlines() if line and not line.startswith("audits: ")
    ]
    assert error.startswith("Error: ") and said in error
    assert hint.startswith("Hint [") and len(error) < 500


def test_rubbish_in_a_list_is_a_line_each_and_the_rest_is_looked_at(place, call):
    done = call("audit", "--from", "rubbish.txt", "--base", "none")
    lines = done.out.splitlines()
    assert (done.code, len(lines)) == (7, 15)
    missed = [line for line in lines if ": not looked at: " in line]
    assert len(missed) == 12
    assert all(len(line) < 700 and line.isprintable() for line in lines)
    assert not [line for line in lines if "unexpected" in line]
    document = call("audit", "--from", "rubbish.txt", "--base", "none", "--json").json
    codes = sorted(each["error"]["exit_code"] for each in document["audits"] if "error" in each)
    assert codes == [2] * 9 + [3] * 3


def test_a_candidate_that_is_gone_leaves_the_others(place, call):
    drawn = np.random.default_rng(0)
    weights = {name: drawn.standard_normal(shape, "float32") for name, shape in SHAPES.items()}
    write(place / "trained", model(**{"model.safetensors": safetensors.numpy.save(weights)}))
    asked = ["./trained", "--base", "user/base", "--candidates", "rubbish.txt", "--json"]
    done = call("audit", *asked)
    rows = {row["name"]: row for row in done.json["stages"]["lineage"]}
    assert rows["nearer-candidate"]["outcome"] == "inconclusive"
    assert len(rows["nearer-candidate"]["evidence"]["unread"]) == 12
    assert done.code == 7


def test_a_base_of_another_architecture_is_found(place, call):
    done = call("audit", "user/good", "--base", "user/other", "--json")
    rows = {row["name"]: row for row in done.json["stages"]["structure"]}
    assert done.code == 1
    assert "another architecture" in rows["shapes-differ"]["message"]


DAMAGE = {
    "rubbish": "\ufffd",
    "no audit": "{}",
    "half an audit": '{"asked": "user/good", "audit": {"model": 3}}',
    "a text": '{"asked": "user/good", "audit": "x"}',
    "a list": '{"asked": ["user/good"], "audit": []}',
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_is_a_line_and_stays_as_it_is(place, call, damage):
    state = place / "state.jsonl"
    assert call("audit", *TWO, "--state", state).code == 7
    state.write_text(state.read_text() + DAMAGE[damage] + "\n")
    before = state.read_text()
    done = call("audit", *TWO, "--state", state)
    assert done.code == 2 and "holds a line that no audit wrote" in done.err
    assert state.read_text() == before


def test_a_state_of_other_options_is_refused_and_one_of_another_list_adds_to_it(place, call):
    state = place / "state.jsonl"
    call("audit", *TWO, "--state", state)
    assert call("audit", *TWO, "--state", state, "--budget", "1000").code == 2
    done = call("audit", "user/good", "user/other", "--state", state, "--format", "jsonl")
    assert [json.loads(line)["model"] for line in done.out.splitlines()] == [
        "user/good", "user/other",
    ]  # fmt: skip
    assert len(state.read_text().splitlines()) == 4
