"""`decide`: what is typed, what is shown, and every way in which a server can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrepair.evaluation.endpoint import client_of
from modelrepair.pipeline import answerers
from tests.support.endpoint import MODEL, serving
from tests.support.endpoint_failures import FAILURES, KEY, assert_said, without_pauses
from tests.support.later import SAFE, SOURCE, as_model, contents

CASES = {
    **FAILURES,
    "another model answers": ({"faults": ["other model"]}, "endpoint-other-model", "--before-mo"),
    "no text": ({"faults": ["no text"]}, "endpoint-no-answer", "up to /v1"),
}


@pytest.fixture
def out(later, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELREPAIR_ENDPOINT_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    return later.copy(tmp_path)


@pytest.fixture
def decide(later, out, call):
    """The command, with the sets of the repair named again."""
    sets = [word for role, path in later.sets.items()
            for word in (f"--{role.replace('_', '-')}", path)]  # fmt: skip

    def run(before: str, after: str, *more: str, name: str = out.name):
        asked = ["--before", before, "--after", after, "--endpoint-at-once", "4"]
        return call("decide", name, *asked, *sets, *more)

    return run


def test_a_verdict_is_shown_and_the_key_is_nowhere(later, out, decide):
    with later.servers(key=KEY) as (source, safe):
        done = decide(source.url, safe.url)
    assert done.code == 0
    lines = done.out.splitlines()
    assert "Passed: harmful answers went from 60 to 0 of 60, benign answers stayed good." in lines
    assert lines[-2] == "Next: modelrepair push out"
    # Where folders lie is in no manifest.
    assert lines[-1] == "Check: modelrepair verify out --source SOURCE --reference REFERENCE"
    assert set(safe.keys) == {f"Bearer {KEY}"}
    texts = [done.out, done.err, str(safe.asked)]
    texts += [path.read_text("utf-8") for path in (out / "repair").glob("*.json*")]
    assert not any(KEY in text for text in texts)


def test_json_is_one_document_and_a_failed_gate_ends_with_1(saved, tmp_path, decide):
    before = saved / "before.json"
    done = decide(str(before), str(as_model(before, SAFE, tmp_path)), "--json")
    assert done.code == 1
    assert done.json["verdict"] == done.json["manifest"]["verdict"] == "failed"
    assert done.json["next"]


ENDS = {
    "Backwards": (1, "before", ("Written to it's out", "Next: remove it's out, or decide it")),
    "Nothing to repair": (0, "after", ("Nothing was written or pushed.", "Next: modelrepair mea")),
}


@pytest.mark.parametrize("verdict", ENDS)
def test_what_is_no_repair_is_said_with_its_exit_code(
    verdict, saved, tmp_path, tmp_path_factory, out, decide
):
    code, after, following = ENDS[verdict]
    out, apart = out.rename(tmp_path / "it's out"), tmp_path_factory.mktemp("apart")
    source = as_model(saved / "after.json", SOURCE, tmp_path)
    safe = as_model(saved / f"{after}.json", SAFE, apart)
    done = decide(str(source), str(safe), name=out.name)
    assert done.code == code, done.err
    lines = done.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{verdict}: "))
    assert lines[at + 1] == following[0]
    assert lines[at + 2].startswith(following[1])
    assert out.is_dir()


@pytest.mark.parametrize("how", CASES)
def test_each_failure_is_a_line_a_hint_and_exit_code_3_and_nothing_is_lost(
    how, later, out, decide, monkeypatch
):
    settings, error, hint = CASES[how]
    if how in ("slow", "cut"):
        without_pauses(monkeypatch)
    kept = contents(out)
    with serving(**settings) as server, later.servers() as (_, safe):
        done = decide(server.url, safe.url, "--endpoint-at-once", "1", "--before-model", MODEL)
    assert (done.code, done.out) == (3, "")
    assert_said(done.err, server.url, error, hint)
    assert contents(out) == kept
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_server_with_another_model_or_with_several_is_refused(later, decide, monkeypatch):
    monkeypatch.setattr(answerers, "client_of", lambda each: client_of(replace(each, retries=0)))
    with later.servers() as (source, safe):
        source.model = "a/b/c"
        unreachable = decide("http://127.0.0.1:9/v1", safe.url)
        source.routes = ("completions",)
        unlisted = decide(source.url, safe.url)
    assert unreachable.code == 3 and "endpoint-unreachable" in unreachable.err
    assert unlisted.code == 2 and "--before-model" in unlisted.err


def test_what_is_no_repair_is_refused(later, out, decide, call):
    asked = ["--before", "http://h/v1", "--after", "http://h/v1"]
    nothing = call("decide", "nowhere", *asked)
    assert (nothing.code, "no-such-folder" in nothing.err) == (2, True)
    (out.parent / "empty").mkdir()
    empty = call("decide", "empty", *asked)
    assert (empty.code, "no-repair" in empty.err) == (2, True)
    assert call("decide", "out").code == 2
    (out / "config.json").write_text("{}")
    changed = decide("http://h/v1", "http://h/v1")
    assert changed.code == 6 and "'config.json' is not the file that it was" in changed.err
    assert SOURCE != SAFE
