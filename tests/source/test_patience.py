"""A Hub that asks to wait, or is slow, is named and waited for, and not for ever."""

from __future__ import annotations

import json

import pytest

from modelrepair.cli.main import run
from modelrepair.errors import UnreachableError
from modelrepair.examples.find import find_set
from modelrepair.examples.load import SetReading
from modelrepair.source import patience
from modelrepair.source.patience import MOST_WAIT, TURNS, heard
from modelrepair.source.resolve import resolve
from tests.support.hub.faults import Fault
from tests.support.hub.fixtures import hub
from tests.support.hub.repaired import files_of
from tests.support.small_repairs import make_checkpoint

__all__ = ["hub"]
WAIT = "the Hub asks to wait 37 s: too many requests"


@pytest.fixture
def slept(monkeypatch):
    """How long it was waited for, in seconds; named behind the Hub, which waits for nothing."""
    seconds: list[float] = []
    monkeypatch.setattr("modelrepair.source.patience.sleep", seconds.append)
    return seconds


def busy(path: str, seconds: int = 37, **more) -> Fault:
    return Fault("GET|HEAD", path, status=429, headers={"Retry-After": str(seconds)}, **more)


@pytest.mark.parametrize("path", ["/api/models/user/model", "/resolve/", "/objects/", "/tree/"])
def test_a_model_is_waited_for(hub, tmp_path, slept, path):
    hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed")))
    lines: list[str] = []
    hub.faults.append(busy(path, times=2))
    with heard(lines.append):
        assert resolve("user/model").complete
    assert lines == [WAIT, WAIT] and slept == [37, 37]


@pytest.mark.parametrize("path", ["/api/datasets/org/set", "/resolve/", "/tree/"])
def test_a_set_is_waited_for(sets_hub, slept, path):
    sets_hub.add("org/set", {"train.jsonl": b'{"prompt": "a", "response": "b"}\n'})
    lines: list[str] = []
    sets_hub.faults.append(busy(path, times=1))
    with heard(lines.append):
        assert len(find_set("org/set", "utility", SetReading())[0].examples) == 1
    assert lines == [WAIT]


def test_the_header_of_the_hub_s_own_is_read_too(hub, tmp_path, slept):
    hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed")))
    headers = {
        "RateLimit": '"api";r=0;t=55',
        "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
    }
    hub.faults.append(Fault("GET", "/api/models/", status=429, headers=headers, times=1))
    resolve("user/model")
    assert slept == [56]


@pytest.mark.parametrize(("asked", "waited"), [(3600, 0), (100, 300), (None, None)])
def test_it_is_not_waited_for_ever(hub, tmp_path, slept, asked, waited):
    hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed")))
    headers = {} if asked is None else {"Retry-After": str(asked)}
    hub.faults.append(Fault("GET", "/api/models/", status=429, headers=headers))
    with pytest.raises(UnreachableError, match="the Hub asks to wait") as caught:
        resolve("user/model")
    assert sum(slept) <= MOST_WAIT and caught.value.exit_code == 3
    assert waited is None or sum(slept) == waited


def test_a_slow_answer_is_named_and_asked_for_again(hub, tmp_path, monkeypatch):
    hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed")))
    monkeypatch.setattr(patience, "ANSWER", 0.1)
    lines: list[str] = []
    hub.faults.append(Fault("GET", "/api/models/", delay=0.4, times=1))
    with heard(lines.append):
        assert resolve("user/model").complete
    assert lines == ["the Hub has not answered for 0.1 s: asked again"]


def test_a_hub_that_never_answers_is_given_up(hub, tmp_path, monkeypatch):
    hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed")))
    monkeypatch.setattr(patience, "ANSWER", 0.05)
    hub.faults.append(Fault("GET", "/api/models/", delay=0.5))
    with pytest.raises(UnreachableError, match=r"the Hub has not answered for 0\.2 s"):
        resolve("user/model")
    assert len([1 for _, path in hub.requests if "/api/models/" in path]) == TURNS


def test_a_pinned_set_in_the_cache_needs_no_wait_for_a_day(sets_hub, slept):
    commit = sets_hub.add("org/set", {"train.jsonl": b'{"prompt": "a", "response": "b"}\n'})
    before, _ = find_set(f"org/set@{commit}", "utility", SetReading())
    sets_hub.faults.append(busy("/api/", 86_400))
    assert find_set(f"org/set@{commit}", "utility", SetReading())[0].digest == before.digest
    assert slept == []


def test_the_command_line_says_it(hub, tmp_path, monkeypatch, capsys, slept):
    monkeypatch.chdir(tmp_path)
    hub.add("user/model", files_of(make_checkpoint(tmp_path / "seed")))
    hub.faults.append(busy("/api/models/user/model", times=1))
    hub.faults.append(busy("/api/models/user/model", 86_400))
    assert run(["plan", "user/model", "--json"]) == 3
    captured = capsys.readouterr()
    assert WAIT in captured.err.splitlines()
    message = json.loads(captured.out)["error"]["message"]
    assert message.startswith("the Hub asks to wait 86400 s")
