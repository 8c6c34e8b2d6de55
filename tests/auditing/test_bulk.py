"""Many models: a broken one is a line, and a stopped run resumes."""

from __future__ import annotations

import threading

import pytest

from modelrepair.auditing.bulk import audit_all
from modelrepair.auditing.results import Audit
from modelrepair.auditing.state import State
from modelrepair.errors import HubError, UnsupportedModelError

NAMES = [f"user/m{n}" for n in range(20)]


def test_one_that_fails_is_a_line_and_not_the_end():
    def look(name):
        if name == "user/m3":
            raise UnsupportedModelError("it is broken", hint="mend it")
        if name == "user/m4":
            raise KeyError("a bug")
        return Audit(name)

    found = {audit.name: audit for audit in audit_all(NAMES, look)}
    assert sorted(found) == sorted(NAMES)
    assert str(found["user/m3"].error) == "it is broken"
    assert found["user/m3"].exit_code() == 6
    assert "unexpected KeyError" in str(found["user/m4"].error)
    assert found["user/m4"].exit_code() == 70
    assert all(
        audit.error is None for name, audit in found.items() if name[-2:] not in ("m3", "m4")
    )


def test_a_stopped_run_looks_only_at_what_is_left(tmp_path):
    path, seen = tmp_path / "state.jsonl", []

    def look(name):
        seen.append(name)
        return Audit(name, seed=len(seen))

    first = audit_all(NAMES, look, state=State(path, {}), at_once=1)
    before = [next(first).name for _ in range(7)]
    first.close()
    done = set(State(path, {}).done)
    assert set(before) <= done
    again = len(seen)
    found = list(audit_all(NAMES, look, state=State(path, {}), at_once=1))
    assert sorted(audit.name for audit in found) == sorted(NAMES)
    assert not set(seen[again:]) & done


def test_what_may_pass_is_tried_again(tmp_path):
    path = tmp_path / "state.jsonl"

    def look(name):
        raise HubError("the network is down", hint="try again")

    for audit in audit_all(NAMES[:3], look, state=State(path, {})):
        assert audit.exit_code() == 3
    assert State(path, {}).done == {}
    assert [a.error for a in audit_all(NAMES[:3], Audit, state=State(path, {}))] == [None] * 3


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_are_looked_at_together_than_asked_for(at_once):
    lock, running, most = threading.Lock(), 0, 0

    def look(name):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.005)
        with lock:
            running -= 1
        return Audit(name)

    assert len(list(audit_all(NAMES, look, at_once=at_once))) == len(NAMES)
    assert most == at_once
