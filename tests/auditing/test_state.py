"""Finished audits are kept line by line; a file that was cut loses its last line at most."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.results import Audit
from modelrepair.auditing.state import State
from modelrepair.errors import ResourceError, UsageError

ASKED = {"deep": False, "base": None}
A, B, C = (Audit(name, seed=seed).to_json() for seed, name in enumerate(["a", "user/ä", "c"]))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.jsonl"


def test_what_was_kept_is_there_again(path):
    state = State(path, ASKED)
    assert state.done == {}
    state.add("a", A)
    state.add("user/ä", B)
    assert State(path, ASKED).done == {"a": A, "user/ä": B}


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(1, 60))
def test_a_line_that_was_cut_is_dropped_and_the_next_is_whole(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("state") / "state.jsonl"
    state = State(path, ASKED)
    state.add("a", A)
    whole = path.read_bytes()
    state.add("b", B)
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:cut])
    resumed = State(path, ASKED)
    assert list(resumed.done) == ["a"]
    resumed.add("c", C)
    assert list(State(path, ASKED).done) == ["a", "c"]


@pytest.mark.parametrize(
    "content",
    [b"hello\n", b"\xff\xfe\n", b'{"modelrepair-audit": {"deep": true, "base": null}}\n'],
)
def test_a_file_of_something_else_is_refused_and_kept(path, content):
    path.write_bytes(content)
    with pytest.raises(UsageError, match="state of another audit"):
        State(path, ASKED)
    assert path.read_bytes() == content


def test_a_line_in_the_middle_that_no_audit_wrote_is_refused(path):
    State(path, ASKED).add("a", A)
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(UsageError, match="a line that no audit wrote"):
        State(path, ASKED)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ResourceError, match="can't be read or written"):
        State(tmp_path / "none" / "state.jsonl", ASKED)


def test_each_line_is_one_document(path):
    state = State(path, ASKED)
    state.add("a", {"text": "one\ntwo"})
    assert [json.loads(line) for line in path.read_text().splitlines()][1]["asked"] == "a"
